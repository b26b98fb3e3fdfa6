"""The layer in AWS's own runtime, with a real governor behind it."""

import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from governor.demo.environment import Answer, Attach, ExecutionEnvironment
from tests.layer.conftest import FUNCTIONS, GovernorUrl
from tests.stores import free_ports, wait_until

FUNCTION = "etl-load"
HTTP_EVENT = Path(__file__).parent / "events" / "http-api-v2.json"
LIMIT = 3

Launch = Callable[..., ExecutionEnvironment]


@pytest.fixture
def launch(rie: Path) -> Iterator[Launch]:
    """Start execution environments of the function under test."""
    with ExitStack() as running:

        def start(
            url: str,
            handler: str = "app.hold_until_gone",
            *,
            attach: Attach = Attach.WRAPPER,
            timeout_s: int = 30,
            **environ: str,
        ) -> ExecutionEnvironment:
            return running.enter_context(
                ExecutionEnvironment(
                    rie,
                    function=FUNCTION,
                    handler=handler,
                    task_root=FUNCTIONS,
                    timeout_s=timeout_s,
                    environ={"GOVERNOR_URL": url, "GOVERNOR_TIMEOUT_MS": "10000", **environ},
                    attach=attach,
                )
            )

        yield start


@pytest.fixture
def url(governor_url: GovernorUrl) -> str:
    """A governor that lets the function run `LIMIT` times at once."""
    return governor_url({"functions": {FUNCTION: {"max_concurrency": LIMIT}}})


@pytest.fixture
def full_url(governor_url: GovernorUrl) -> str:
    """A governor that denies the function everything."""
    return governor_url({"functions": {FUNCTION: {"max_concurrency": 0}}})


def status(url: str) -> dict[str, Any]:
    """What the governor at `url` says of the function's scope."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request("GET", "/v1/status")
        scopes = json.loads(connection.getresponse().read())["scopes"]
    finally:
        connection.close()
    return next(scope for scope in scopes if scope["scope"] == f"function:{FUNCTION}")


def in_use(url: str) -> int:
    """How many leases the function holds."""
    return int(status(url)["in_use"])


def error_type(answer: Answer) -> str | None:
    """The class of the error that an invocation ended with."""
    return answer.body.get("errorType") if isinstance(answer.body, dict) else None


def test_the_limit_holds_across_environments(url: str, launch: Launch, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    environments = [launch(url) for _ in range(2 * LIMIT)]
    with ThreadPoolExecutor(len(environments)) as callers:
        event = {"until_gone": str(gate)}
        answers = [callers.submit(environment.invoke, event) for environment in environments]
        try:
            wait_until(lambda: sum(a.done() for a in answers) == LIMIT, "all but three denied")
            assert in_use(url) == LIMIT
        finally:
            gate.unlink()
    denied = [answer.result() for answer in answers if answer.result().body != "done"]
    assert [error_type(answer) for answer in denied] == ["ConcurrencyLimitExceeded"] * LIMIT
    wait_until(lambda: in_use(url) == 0, "every lease is given back")
    counts = status(url)
    assert (counts["granted"], counts["denied"], counts["peak"]) == (LIMIT, LIMIT, LIMIT)
    assert (counts["expired"], counts["overruns"]) == (0, 0)


@pytest.mark.parametrize(
    ("attach", "handler"),
    [
        (Attach.WRAPPER, "app.hold"),
        (Attach.REDIRECT, "app.hold"),
        (Attach.NONE, "app.decorated"),
        (Attach.WRAPPER, "app.decorated"),
    ],
)
def test_every_way_to_attach_checks_in_once(
    url: str, launch: Launch, attach: Attach, handler: str
) -> None:
    environment = launch(url, handler, attach=attach)
    for _ in range(3):
        assert error_type(environment.invoke({"until_gone": "/nowhere"})) is None
    wait_until(lambda: in_use(url) == 0, "every lease is given back")
    assert status(url)["granted"] == 3
    assert "governor:" not in environment.logs()


def test_without_the_layer_nobody_checks_in(full_url: str, launch: Launch) -> None:
    environment = launch(full_url, "app.hold", attach=Attach.NONE)
    assert error_type(environment.invoke({})) is None
    assert status(full_url)["denied"] == 0


@pytest.mark.parametrize("attach", [Attach.WRAPPER, Attach.REDIRECT])
def test_disabled_nobody_checks_in(full_url: str, launch: Launch, attach: Attach) -> None:
    environment = launch(full_url, "app.hold", attach=attach, GOVERNOR_DISABLED="1")
    assert error_type(environment.invoke({})) is None
    assert status(full_url)["denied"] == 0


def test_a_python_path_of_the_functions_own(url: str, launch: Launch, tmp_path: Path) -> None:
    environment = launch(url, "app.hold", PYTHONPATH=str(tmp_path))
    assert error_type(environment.invoke({})) is None
    assert status(url)["granted"] == 1


def test_a_handlers_own_error_is_reported_as_ever(url: str, launch: Launch) -> None:
    answer = launch(url, "app.fail").invoke({"complaint": "no such order"})
    assert error_type(answer) == "ValueError"
    assert answer.body["errorMessage"] == "no such order"
    wait_until(lambda: in_use(url) == 0, "the lease is given back")
    assert status(url)["expired"] == 0


def test_a_handler_that_exits_gives_its_lease_back(url: str, launch: Launch) -> None:
    answer = launch(url, "app.leave").invoke({"exit_status": 3})
    assert error_type(answer) == "Runtime.ExitError"
    wait_until(lambda: in_use(url) == 0, "the lease is given back")
    counts = status(url)
    assert (counts["granted"], counts["expired"]) == (1, 0)


def test_a_killed_handlers_lease_expires(url: str, launch: Launch, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    environment = launch(url, timeout_s=1)
    assert "timed out" in str(environment.invoke({"until_gone": str(gate)}).body)
    gate.unlink()
    wait_until(lambda: in_use(url) == 0, "the lease expires")
    assert status(url)["expired"] == 1
    assert environment.invoke({"until_gone": str(gate)}).body == "done"


def test_open_runs_without_a_governor(launch: Launch) -> None:
    (port,) = free_ports(1)
    environment = launch(f"http://127.0.0.1:{port}", "app.hold")
    assert error_type(environment.invoke({})) is None
    assert '"governor: breaker opened"' in environment.logs()


def test_closed_denies_without_a_governor(launch: Launch) -> None:
    (port,) = free_ports(1)
    environment = launch(f"http://127.0.0.1:{port}", "app.hold", GOVERNOR_FAIL="closed")
    answer = environment.invoke({})
    assert error_type(answer) == "ConcurrencyLimitExceeded"
    assert "GOVERNOR_FAIL is closed" in answer.body["errorMessage"]


def test_a_denied_http_request_is_answered(full_url: str, launch: Launch) -> None:
    environment = launch(full_url, "app.hold")
    answer = environment.invoke(json.loads(HTTP_EVENT.read_text()))
    assert answer.body["statusCode"] == 429
    assert int(answer.body["headers"]["retry-after"]) >= 1
    assert '"denied_by": "function:etl-load"' in environment.logs()


@pytest.mark.parametrize("attach", [Attach.WRAPPER, Attach.NONE])
@pytest.mark.parametrize("handler", ["nowhere.handler", "app.nobody"])
def test_a_handler_that_is_not_there_fails_as_without_the_layer(
    url: str, launch: Launch, attach: Attach, handler: str
) -> None:
    answer = launch(url, handler, attach=attach).invoke({})
    expected = {
        "nowhere.handler": "Unable to import module 'nowhere': No module named 'nowhere'",
        "app.nobody": "Handler 'nobody' missing on module 'app'",
    }
    assert answer.body["errorMessage"] == expected[handler]


def test_the_hosts_credentials_stay_outside(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for the function")
    environment = launch("http://127.0.0.1:1", "app.tell", attach=Attach.NONE)
    body = environment.invoke({}).body
    assert body["AWS_LAMBDA_FUNCTION_NAME"] == FUNCTION
    assert "not for the function" not in body.values()
