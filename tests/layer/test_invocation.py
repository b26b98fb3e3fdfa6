"""Around a handler: what it gets, returns and raises is left alone; what a failure does to it."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from governor_layer.checkin import receive_count
from governor_layer.denial import ConcurrencyLimitExceeded
from governor_layer.invocation import Gate, governed

from tests.layer.standin import StandIn, denies, http
from tests.stores import free_ports, wait_until

EVENTS = Path(__file__).parent / "events"


def environ(url: str, **variables: str) -> dict[str, str]:
    """A function's variables, with the governor at `url`."""
    given = {"GOVERNOR_URL": url, "AWS_LAMBDA_FUNCTION_NAME": "etl-load"}
    return {**given, "GOVERNOR_TIMEOUT_MS": "20000", **variables}


def nobody() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def ran(_event: object, _context: object) -> str:
    """A handler."""
    return "ran"


def given_back(standin: StandIn) -> bool:
    """Whether every lease that was asked for has been released."""
    return [f"/v1/leases/{id_}" for id_ in standin.ids()] == standin.paths("DELETE")


def numbers() -> Iterator[int]:
    """A generator, to be returned as it is."""
    yield 1


@pytest.mark.parametrize("value", [None, 7, {"a": [1]}, b"x", object(), numbers(), len])
def test_the_handler_gets_and_returns_the_very_objects(standin: StandIn, value: object) -> None:
    event, context = object(), object()
    seen: list[object] = []

    def handler(*given: object) -> object:
        seen.extend(given)
        return value

    assert Gate(environ(standin.url)).run(handler, event, context) is value
    assert seen[0] is event
    assert seen[1] is context
    wait_until(lambda: given_back(standin), "the lease is given back")


@pytest.mark.parametrize(
    "error", [ValueError("mine"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()]
)
def test_the_handlers_own_exception_escapes_and_the_lease_goes_back(
    standin: StandIn, error: BaseException
) -> None:
    def handler(_event: object, _context: object) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        Gate(environ(standin.url)).run(handler, {}, None)
    assert caught.value is error
    assert error.__context__ is None
    wait_until(lambda: given_back(standin), "the lease is given back")


def test_the_lease_is_held_while_the_handler_runs(standin: StandIn) -> None:
    def handler(_event: object, _context: object) -> list[str]:
        return [request.method for request in standin.requests]

    assert Gate(environ(standin.url)).run(handler, {}, None) == ["POST"]


def test_nothing_is_logged_on_a_grant(standin: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    gate = Gate(environ(standin.url))
    for _ in range(3):
        gate.run(ran, {}, None)
    assert capsys.readouterr() == ("", "")


def test_a_denied_handler_does_not_run(
    standin: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.behaviour = denies
    with pytest.raises(ConcurrencyLimitExceeded) as caught:
        Gate(environ(standin.url)).run(lambda *_: pytest.fail("it ran"), {}, None)
    assert str(caught.value) == "etl-load is denied by group:etl: 7 of 7 in use"
    assert caught.value.denial.max_concurrency == 7
    assert standin.paths("DELETE") == []
    (line,) = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["level"], logged["message"]) == ("WARN", "governor: denied")
    assert (logged["denied_by"], logged["max_concurrency"], logged["in_use"]) == ("group:etl", 7, 7)


def test_a_denied_http_request_is_answered(standin: StandIn) -> None:
    standin.behaviour = denies
    event = json.loads((EVENTS / "http-api-v2.json").read_text())
    answer: Any = Gate(environ(standin.url)).run(ran, event, None)
    assert answer["statusCode"] == 429
    assert answer["headers"]["retry-after"] == "2"


def test_open_runs_when_nobody_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    gate = Gate(environ(nobody()))
    assert [gate.run(ran, {}, None) for _ in range(3)] == ["ran"] * 3
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "governor: breaker opened"


def test_closed_denies_when_nobody_can_be_asked() -> None:
    gate = Gate(environ(nobody(), GOVERNOR_FAIL="closed"))
    for reason in ("refused", "not asked again"):
        with pytest.raises(ConcurrencyLimitExceeded, match="GOVERNOR_FAIL is closed") as caught:
            gate.run(ran, {}, None)
        assert reason in str(caught.value)
        assert caught.value.denial.denied_by is None
    event = json.loads((EVENTS / "alb.json").read_text())
    answer: Any = gate.run(ran, event, None)
    assert answer["statusCode"] == 429


def test_a_refusal_is_logged_once_until_it_ends(
    standin: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    grants = standin.behaviour
    standin.behaviour = lambda _request: http(401, {"title": "Unauthorized"})
    gate = Gate(environ(standin.url))
    for _ in range(3):
        assert gate.run(ran, {}, None) == "ran"
    (line,) = capsys.readouterr().out.splitlines()
    assert "401" in json.loads(line)["reason"]
    assert len(standin.ids()) == 3
    standin.behaviour = grants
    gate.run(ran, {}, None)
    assert json.loads(capsys.readouterr().out)["message"] == "governor: breaker closed"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("GOVERNOR_URL", "nonsense"), ("GOVERNOR_TIMEOUT_MS", "fast"), ("GOVERNOR_WAIT_MS", "x")],
)
def test_a_bad_setting_is_logged_once_and_failing_decides(
    capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    bad = {**environ(nobody()), variable: value}
    gate = Gate(bad)
    assert [gate.run(ran, {}, None) for _ in range(2)] == ["ran"] * 2
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["reason"].startswith(f"{variable} is '{value}'")
    with pytest.raises(ConcurrencyLimitExceeded, match=variable):
        Gate({**bad, "GOVERNOR_FAIL": "closed"}).run(ran, {}, None)


def test_a_failure_mode_that_is_neither_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert Gate(environ(nobody(), GOVERNOR_FAIL="shut")).run(ran, {}, None) == "ran"
    assert "GOVERNOR_FAIL" in capsys.readouterr().out


def test_without_any_setting_the_handler_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert Gate({}).run(ran, {}, None) == "ran"
    assert "GOVERNOR_URL" in capsys.readouterr().out


def test_disabled_it_stands_aside(standin: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    gate = Gate(environ(standin.url, GOVERNOR_DISABLED="1", GOVERNOR_FAIL="closed"))
    assert gate.run(ran, {}, None) == "ran"
    assert standin.requests == []
    assert capsys.readouterr().out == ""


def test_a_closed_output_is_put_up_with(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    standin.behaviour = lambda _request: http(500)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
    assert Gate(environ(standin.url)).run(ran, {}, None) == "ran"


def test_governing_twice_is_governing_once() -> None:
    once = governed(ran)
    assert governed(once) is once
    assert once is not ran


def test_a_governed_handler_keeps_its_name() -> None:
    assert governed(ran).__name__ == "ran"
    assert governed(ran).__doc__ == "A handler."


def test_an_object_that_has_every_attribute_is_governed_nevertheless() -> None:
    class Anything:
        def __getattr__(self, name: str) -> object:
            if name in {"__name__", "__qualname__", "__annotations__"}:
                raise AttributeError(name)
            return name

        def __call__(self, _event: object, _context: object) -> str:
            return "ran"

    handler = Anything()
    wrapped: Callable[[Any, Any], Any] = governed(handler)
    assert wrapped is not handler


def test_the_receive_count_of_a_batch_is_the_highest() -> None:
    event = json.loads((EVENTS / "sqs.json").read_text())
    assert receive_count(event) == 4


def test_the_receive_count_is_sent_as_attempt(standin: StandIn) -> None:
    gate = Gate(environ(standin.url))
    gate.run(ran, json.loads((EVENTS / "sqs.json").read_text()), None)
    gate.run(ran, json.loads((EVENTS / "kinesis.json").read_text()), None)
    attempts = [r.body.get("attempt") for r in standin.requests if r.method == "POST"]
    assert attempts == [4, None]


@pytest.mark.parametrize(
    "event",
    [
        None,
        "Records",
        [],
        7,
        {},
        {"Records": None},
        {"Records": []},
        {"Records": ["x"]},
        {"Records": [{"eventSource": "aws:sqs"}]},
        {"Records": [{"eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "x"}}]},
        {"Records": [{"eventSource": "aws:sqs", "attributes": None}]},
    ],
)
def test_other_events_have_no_receive_count(event: object) -> None:
    assert receive_count(event) is None
