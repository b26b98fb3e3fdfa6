"""The Dockerfile carried out without Docker: its commands, in namespaces of their own.

What it can't show is the base image: this machine's system and the tests' Python take its place,
under an overlay that is gone afterwards. Everything else is as in a container: the commands as they
stand, the user, the read-only root, the volumes, no capabilities, a network of its own, and the
governor as process 1.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from governor.lifeline import tied
from tests.conftest import missing
from tests.stores import wait_until

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"

_MERGED = "/mnt/root"
_OVERLAY = f"""
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work {_MERGED} &&
    mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay {_MERGED} &&
    mount --rbind /dev {_MERGED}/dev &&
    exec sleep 600
"""
_CONTAINER = """
    ip link set lo up && mount -t proc proc "$ROOT/proc" && mount -o remount,bind,ro "$ROOT" &&
    exec chroot "$ROOT" setpriv --reuid "$ID" --regid "$ID" --clear-groups --no-new-privs \\
        --inh-caps=-all --bounding-set=-all "$@"
"""


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction of the Dockerfile and its arguments."""
    lines = DOCKERFILE.read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    for line in text.replace("\\\n", " ").splitlines():
        if line:
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def last(name: str) -> str:
    """The arguments of the last instruction of this name, which is the final stage's."""
    return [rest for each, rest in instructions() if each == name][-1]


def words(name: str) -> list[str]:
    """The words of an instruction in its JSON form."""
    found: list[str] = json.loads(last(name).partition("[")[1] + last(name).partition("[")[2])
    return found


def context() -> list[Path]:
    """What the build is sent: whatever is there of what the ignore file names as not ignored."""
    lines = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in lines
    named = [ROOT / line[1:] for line in lines if line.startswith("!")]
    return [path for path in named if path.exists()]


@dataclass(frozen=True, slots=True)
class Image:
    """The final stage's files, in a mount namespace that a process keeps."""

    keeper: int

    @property
    def root(self) -> Path:
        """The files, from outside."""
        return Path(f"/proc/{self.keeper}/root{_MERGED}")

    def run(self, *command: str) -> str:
        """Run a command of the build, as root; return what it prints."""
        inside = ["nsenter", f"--target={self.keeper}", "--mount", "chroot", _MERGED, *command]
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment.pop("PYTHONPATH", None)  # nothing of the checkout
        done = subprocess.run(inside, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def build(self) -> None:
        """Carry out the Dockerfile."""
        for folder in Path(sys.base_prefix).parents:  # it may be in a home that nobody else enters
            (self.root / folder.relative_to("/")).chmod(0o755)
        where = "/"
        for name, rest in instructions():
            if name == "WORKDIR":
                where = rest
                (self.root / where.removeprefix("/")).mkdir()
            elif name == "COPY":
                self._copy(*rest.split(), where=where)
            elif name == "RUN":
                self.run("sh", "-ec", f"cd {where}; {rest}")

    def _copy(self, *what: str, where: str) -> None:
        if what[0].startswith("--from="):
            assert what[1] == what[2], "all stages share their files here"
        elif what == (".", "."):
            for path in context():
                target = self.root / where.removeprefix("/") / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(path, target)
        else:
            source, target_ = what
            assert ROOT / source in context(), f"{source} is not sent to the build"
            shutil.copy(ROOT / source, self.root / target_.removeprefix("/"))


@dataclass(frozen=True, slots=True)
class Container:
    """A governor that runs in an image."""

    process: "subprocess.Popen[str]"
    environment: dict[str, str]

    @property
    def has_begun(self) -> bool:
        """Whether its process 1 is there, or is gone already."""
        return self.process.poll() is not None or bool(psutil.Process(self.process.pid).children())

    @property
    def pid(self) -> int:
        """The process that is process 1 in there."""
        (child,) = psutil.Process(self.process.pid).children()
        return int(child.pid)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """What `docker exec` would do."""
        user = last("USER").partition(":")[0]
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--root", "--wd=/"]
        return subprocess.run(
            [*enter, "setpriv", "--reuid", user, "--regid", user, "--clear-groups", *command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def image() -> Iterator[Image]:
    """The image, built; needs the package index."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv", "ip"))):
        missing("what namespaces need (root, util-linux, iproute2)")
    if len({Path(each).stat().st_dev for each in ("/", sys.prefix, sys.base_prefix)}) > 1:
        missing("a Python on the root file system, which is all that the overlay shows,")
    with subprocess.Popen(
        tied(["unshare", "--mount", "--fork", "--kill-child", "sh", "-c", _OVERLAY])
    ) as process:
        try:
            wait_until(lambda: bool(_sleeping(process.pid)), "the overlay is mounted")
            built = Image(_sleeping(process.pid)[0])
            built.build()
            yield built
        finally:
            process.kill()  # it leaves SIGTERM to its child


def _sleeping(pid: int) -> list[int]:
    children = psutil.Process(pid).children()
    assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE, "no overlay can be mounted here"
    return [child.pid for child in children if child.name() == "sleep"]


@contextmanager
def running(image: Image, *command: str, **variables: str) -> Iterator[Container]:
    """A container of `image` with its own entry point and command, unless one is given."""
    user = last("USER").partition(":")[0]
    owners = {}
    for volume in words("VOLUME"):
        status = (image.root / volume.removeprefix("/")).stat()
        owners[volume] = f"mode={status.st_mode & 0o7777:o},uid={status.st_uid}"
    mounts = " && ".join(
        f'mount -t tmpfs -o {owner} tmpfs "$ROOT{volume}"' for volume, owner in owners.items()
    )
    paths = dict(each.split("=", 1) for each in shlex.split(last("ENV")))
    environment = paths | {"PATH": paths["PATH"].replace("$PATH", "/usr/bin:/bin")} | variables
    script = f"{mounts} && {_CONTAINER}"
    spaces = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
    with subprocess.Popen(
        tied(
            [
                *("nsenter", f"--target={image.keeper}", "--mount", *spaces),
                *("sh", "-c", script, "sh", *(command or words("ENTRYPOINT") + words("CMD"))),
            ]
        ),
        env={
            "ROOT": _MERGED,
            "ID": user,
            **environment,
            "PATH": f"{environment['PATH']}:/usr/sbin:/sbin",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            container = Container(process, environment)
            wait_until(lambda: container.has_begun, "the container has begun")
            yield container
        finally:
            process.kill()
