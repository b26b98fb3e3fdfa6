"""The layer in AWS's own runtime, with a real governor behind it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from governor.demo.environment import Attach
from tests.layer.environments import (
    FUNCTION,
    LIMIT,
    Launch,
    error_type,
    in_use,
    messages,
    status,
)
from tests.layer.standin import StandIn
from tests.stores import wait_until

HTTP_EVENT = Path(__file__).parent / "events" / "http-api-v2.json"


def test_the_limit_holds_across_environments(url: str, launch: Launch, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    environments = [launch(url, "app.hold_until_gone") for _ in range(2 * LIMIT)]
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


def test_cold_and_warm_an_invocation_checks_in_and_out_once(
    standin: StandIn, launch: Launch
) -> None:
    environment = launch(standin.url)
    cold, *warm = (environment.invoke({}).body for _ in range(3))
    assert {each["pid"] for each in warm} == {cold["pid"]}
    wait_until(lambda: len(standin.requests) == 6, "three check-ins, three check-outs")
    requests = [f"{request.method} {request.path}" for request in standin.requests]
    assert requests == [
        each for id_ in standin.ids() for each in ("POST /v1/leases", f"DELETE /v1/leases/{id_}")
    ]
    asked = [id_.partition(":")[0] for id_ in standin.ids()]
    assert asked == [each["request_id"] for each in (cold, *warm)]
    assert {request.connection for request in standin.requests} == {0}
    assert messages(environment) == []


def test_without_the_layer_nobody_checks_in(full_url: str, launch: Launch) -> None:
    environment = launch(full_url, "app.hold", attach=Attach.NONE)
    assert error_type(environment.invoke({})) is None
    assert status(full_url)["denied"] == 0


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


def test_a_timeout_ends_the_process_and_the_lease(url: str, launch: Launch, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    environment = launch(url, timeout_s=1)
    first = environment.invoke({}).body["pid"]
    assert "timed out" in str(environment.invoke({"until_gone": str(gate)}).body)
    again = environment.invoke({})
    assert again.body["pid"] != first, "the runtime is initialised again"
    wait_until(lambda: in_use(url) == 0, "the lease of what was killed expires")
    counts = status(url)
    assert (counts["granted"], counts["expired"], counts["overruns"]) == (3, 1, 0)
    assert messages(environment) == []


def test_a_crash_ends_the_process_and_the_lease(url: str, launch: Launch) -> None:
    environment = launch(url, timeout_s=1)
    first = environment.invoke({}).body["pid"]
    assert error_type(environment.invoke({"crash": 7})) == "Runtime.ExitError"
    assert environment.invoke({}).body["pid"] != first
    wait_until(lambda: in_use(url) == 0, "the lease of what has crashed expires")
    counts = status(url)
    assert (counts["granted"], counts["expired"], counts["overruns"]) == (3, 1, 0)
    assert messages(environment) == []


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
