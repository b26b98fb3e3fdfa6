"""The whole way: a deployed API and worker are attached, governed, and detached again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from governor.demo.environment import Attach, ExecutionEnvironment
from governor.layer.contents import WRAPPER
from tests.deploy.conftest import URL
from tests.deploy.templates import Template, properties
from tests.fleet.account import CHANGING
from tests.governors import Governor, run

pytestmark = pytest.mark.timeout(120)

API_EVENT = json.loads(
    (Path(__file__).parents[1] / "layer/events/http-api-v2.json").read_text(encoding="utf-8")
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Governor]:
    """A governor without limits."""
    with Governor("--data-dir", str(tmp_path / "data")) as service:
        yield service


def configurations(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """What AWS says of functions, but what changes with each update anyway."""
    functions = boto3.client("lambda")
    found = [functions.get_function(FunctionName=name) for name in names]
    return [
        {key: value for key, value in each["Configuration"].items() if key not in CHANGING}
        | {"Tags": each.get("Tags", {})}
        for each in found
    ]


def environment(
    rie: Path, configuration: dict[str, Any], code: Path, service: Governor
) -> ExecutionEnvironment:
    """What Lambda makes of the function's configuration, with the governor where it really is."""
    variables = dict(configuration["Environment"]["Variables"])
    assert variables.pop("AWS_LAMBDA_EXEC_WRAPPER") == WRAPPER
    assert variables.pop("GOVERNOR_URL") == URL
    return ExecutionEnvironment(
        rie,
        function=configuration["FunctionName"],
        handler=configuration["Handler"],
        task_root=code,
        environ={"GOVERNOR_URL": service.url, "GOVERNOR_TIMEOUT_MS": "10000", **variables},
        attach=Attach.WRAPPER,
    )


def test_attach_govern_detach(  # noqa: PLR0913 - the whole way takes all of them
    *,
    ungoverned: dict[str, str],
    installed: dict[str, str],
    sample: Template,
    service: Governor,
    rie: Path,
    tmp_path: Path,
) -> None:
    names = ungoverned["ApiFunctionName"], ungoverned["WorkerFunctionName"]
    before = configurations(names)
    options = ("--url", URL, "--layer", installed["LayerArn"], "--watch", "0")
    attached = run("fleet", "attach", *names, *options)
    assert attached.returncode == 0, attached
    (tmp_path / "code").mkdir()
    code = properties(sample, "ApiFunction")["Code"]["ZipFile"]
    (tmp_path / "code/index.py").write_text(code)
    api, _ = configurations(names)
    with environment(rie, api, tmp_path / "code", service) as running:
        assert running.invoke(API_EVENT).body["statusCode"] == 200
        url = ("--url", service.url)
        assert run("set", "function", names[0], "--max-concurrency", "0", *url).returncode == 0
        denied = running.invoke(API_EVENT).body
        assert denied["statusCode"] == 429
        assert denied["headers"]["retry-after"] == "1"
    (scope,) = (
        each
        for each in json.loads(run("status", "--json", *url).stdout)["scopes"]
        if each["scope"] == f"function:{names[0]}"
    )
    assert scope["denied"] == 1
    detached = run("fleet", "detach", *names)
    assert detached.returncode == 0, detached
    assert configurations(names) == before
