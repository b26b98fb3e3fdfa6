"""Around a handler: what it gets, returns and raises is left alone; what a failure does to it."""

import asyncio
import inspect
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from governor_layer import journal
from governor_layer.denial import ConcurrencyLimitExceeded
from governor_layer.invocation import Gate, entrance, governed

from governor.demo.ports import free_ports
from tests.layer.behaviour import Request, denies, grants, http
from tests.layer.desks import Context
from tests.layer.standin import StandIn
from tests.stores import wait_until

EVENTS = Path(__file__).parent / "events"


def environ(url: str, **variables: str) -> dict[str, str]:
    """A function's variables, with the governor at `url`."""
    given = {"GOVERNOR_URL": url, "AWS_LAMBDA_FUNCTION_NAME": "etl-load"}
    return {**given, "GOVERNOR_TIMEOUT_MS": "20000", **variables}


def gate(variables: dict[str, str]) -> Gate:
    """The gate that these variables want."""
    gate = entrance(variables)
    assert gate is not None
    return gate


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


class Awaitable:
    """What a coroutine function returns, but that nobody complains if it is not awaited."""

    def __await__(self) -> Iterator[int]:
        """Not called: the runtime awaits nothing, and neither does the layer."""
        raise AssertionError("awaited")


@pytest.mark.parametrize(
    "value", [None, 7, {"a": [1]}, b"x", object(), numbers(), len, Awaitable()]
)
def test_the_handler_gets_and_returns_the_very_objects(standin: StandIn, value: object) -> None:
    event, context = object(), object()
    seen: list[object] = []

    def handler(*given: object) -> object:
        seen.extend(given)
        return value

    assert gate(environ(standin.url)).run(handler, event, context) is value
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
        gate(environ(standin.url)).run(handler, {}, None)
    assert caught.value is error
    assert error.__context__ is None
    wait_until(lambda: given_back(standin), "the lease is given back")


def test_the_lease_is_held_while_the_handler_runs(standin: StandIn) -> None:
    def handler(_event: object, _context: object) -> list[str]:
        return [request.method for request in standin.requests]

    assert gate(environ(standin.url)).run(handler, {}, None) == ["POST"]


def test_nothing_is_logged_on_a_grant(standin: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    at = gate(environ(standin.url))
    for _ in range(3):
        at.run(ran, {}, None)
    assert capfd.readouterr() == ("", "")


def test_a_denied_handler_does_not_run(standin: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    standin.behaviour = denies
    with pytest.raises(ConcurrencyLimitExceeded) as caught:
        gate(environ(standin.url)).run(lambda *_: pytest.fail("it ran"), {}, None)
    assert str(caught.value) == "etl-load is denied by group:etl: 7 of 7 in use"
    assert caught.value.denial.max_concurrency == 7
    assert standin.paths("DELETE") == []
    (line,) = capfd.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["level"], logged["message"]) == ("WARN", "governor: denied")
    assert (logged["denied_by"], logged["max_concurrency"], logged["in_use"]) == ("group:etl", 7, 7)


def test_open_runs_when_nobody_can_be_asked(capfd: pytest.CaptureFixture[str]) -> None:
    at = gate(environ(nobody()))
    assert [at.run(ran, {}, None) for _ in range(3)] == ["ran"] * 3
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "governor: breaker opened"


def test_closed_denies_when_nobody_can_be_asked() -> None:
    at = gate(environ(nobody(), GOVERNOR_FAIL="closed"))
    for reason in ("refused", "not asked again"):
        with pytest.raises(ConcurrencyLimitExceeded, match="GOVERNOR_FAIL is closed") as caught:
            at.run(ran, {}, None)
        assert reason in str(caught.value)
        assert caught.value.denial.denied_by is None
    event = json.loads((EVENTS / "alb.json").read_text())
    answer: Any = at.run(ran, event, None)
    assert answer["statusCode"] == 429


def test_a_refusal_is_logged_once_until_it_ends(
    standin: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    grants = standin.behaviour
    standin.behaviour = lambda _request: http(401, {"title": "Unauthorized"})
    at = gate(environ(standin.url))
    for _ in range(3):
        assert at.run(ran, {}, None) == "ran"
    (line,) = capfd.readouterr().out.splitlines()
    assert "401" in json.loads(line)["reason"]
    assert len(standin.ids()) == 3
    standin.behaviour = grants
    at.run(ran, {}, None)
    assert json.loads(capfd.readouterr().out)["message"] == "governor: breaker closed"


def test_a_closed_output_is_put_up_with(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    standin.behaviour = lambda _request: http(500)
    monkeypatch.setattr(journal, "STDOUT", -1)
    assert gate(environ(standin.url)).run(ran, {}, None) == "ran"


@pytest.mark.parametrize("out", [None, io.StringIO(), object()])
def test_the_handlers_own_output_is_none_of_ours(
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    out: object,
) -> None:
    monkeypatch.setattr(sys, "stdout", out)
    assert gate(environ(standin.url, GOVERNOR_EMF="1")).run(ran, {}, None) == "ran"
    assert "check_in_ms" in json.loads(capfd.readouterr().out)
    assert not isinstance(out, io.StringIO) or out.getvalue() == ""


def test_what_fails_between_check_in_and_handler_loses_no_lease(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_line: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(journal, "put", fails)
    with pytest.raises(RuntimeError):
        gate(environ(standin.url, GOVERNOR_EMF="1")).run(ran, {}, None)
    wait_until(lambda: given_back(standin), "the lease is given back")


def test_a_wait_is_measured_that_has_left_no_time_to_wait(
    standin: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    context = Context(remaining_ms=60_000)

    def waits(request: Request) -> bytes:
        context.remaining_ms = 10_000
        return grants(request)

    standin.behaviour = waits
    settings = environ(standin.url, GOVERNOR_EMF="1", GOVERNOR_WAIT_MS="40000")
    assert gate(settings).run(ran, {}, context) == "ran"
    assert "wait_ms" in json.loads(capfd.readouterr().out)


@pytest.fixture
def _process_is_governed(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    at = gate(environ(standin.url))
    monkeypatch.setattr("governor_layer.invocation._gate", lambda: at)


@pytest.mark.usefixtures("_process_is_governed")
def test_governing_twice_is_governing_once(standin: StandIn) -> None:
    once = governed(ran)
    assert governed(once) is once
    assert once is not ran
    assert once({}, None) == "ran"
    assert len(standin.ids()) == 1


@pytest.mark.usefixtures("_process_is_governed")
def test_a_coroutine_function_holds_its_lease_until_it_has_ended(standin: StandIn) -> None:
    @governed
    async def awaited(event: object, _context: object) -> list[str]:
        await asyncio.sleep(0)
        if event == "bad":
            raise ValueError(event)
        return [request.method for request in standin.requests]

    assert inspect.iscoroutinefunction(awaited)
    assert asyncio.run(awaited({}, None)) == ["POST"]
    wait_until(lambda: given_back(standin), "the lease is given back")
    with pytest.raises(ValueError, match="bad"):
        asyncio.run(awaited("bad", None))
    wait_until(lambda: given_back(standin) and len(standin.ids()) == 2, "and the other")
    standin.behaviour = denies
    with pytest.raises(ConcurrencyLimitExceeded):
        asyncio.run(awaited({}, None))


@pytest.mark.usefixtures("_process_is_governed")
def test_a_governed_handler_within_an_invocation_passes(standin: StandIn) -> None:
    @governed
    def inner(event: str, _context: object) -> str:
        if event == "bad":
            raise ValueError(event)
        return "ran"

    @governed
    async def awaited(event: str, context: object) -> object:
        return inner(event, copy(context))

    @governed
    def outer(event: str, context: object) -> object:  # as another vendor's, between two of ours
        return asyncio.run(awaited(event, context))

    assert outer("good", Context()) == "ran"
    assert len(standin.ids()) == 1
    with pytest.raises(ValueError, match="bad"):
        outer("bad", Context())
    assert outer("good", Context()) == inner("good", Context()) == "ran"
    assert len(standin.ids()) == 4, "the next one asks"
    standin.behaviour = denies
    for _ in range(2):
        with pytest.raises(ConcurrencyLimitExceeded):
            outer("good", Context())


@pytest.mark.usefixtures("_process_is_governed")
@pytest.mark.parametrize("context", [None, Context("")])
def test_without_a_request_id_nobody_is_known_to_be_inside(
    standin: StandIn, context: object
) -> None:
    inner = governed(lambda event, _context: event)
    outer = governed(lambda event, context: [inner(event, context)])
    assert outer("ran", context) == ["ran"]
    assert len(standin.ids()) == 2


def test_a_retry_asks_while_the_attempt_that_timed_out_still_runs(standin: StandIn) -> None:
    at = gate(environ(standin.url))

    def outlasts_its_time(_event: object, _context: object) -> list[object]:
        retries: list[object] = []
        retry = threading.Thread(target=lambda: retries.append(at.run(ran, {}, Context())))
        retry.start()  # as Managed Instances may: another thread, the same request id
        retry.join()
        return retries

    assert at.run(outlasts_its_time, {}, Context()) == ["ran"]
    assert len(standin.ids()) == 2


def test_a_copy_of_the_process_has_nobody_inside(standin: StandIn) -> None:
    at = gate(environ(standin.url))

    def forked(event: object, context: object) -> object:
        at.start_anew()
        return at.run(ran, event, context)

    assert at.run(forked, {}, Context()) == "ran"
    assert len(standin.ids()) == 2


@pytest.mark.usefixtures("_process_is_governed")
def test_a_handler_may_be_called_as_it_is_defined(standin: StandIn) -> None:
    def own(event: object, context: object = None, *, dry: bool = False) -> object:
        return event, context, dry

    handler: Any = governed(own)
    context = Context("by-hand")
    assert handler({}) == ({}, None, False)
    assert handler({}, context=context, dry=True) == ({}, context, True)
    assert handler(context=context, event={}) == ({}, context, False)
    assert [id_.partition(":")[0] for id_ in standin.ids()] == ["invocation", "by-hand", "by-hand"]


@pytest.mark.usefixtures("_process_is_governed")
def test_a_governed_handler_keeps_its_name() -> None:
    assert governed(ran).__name__ == "ran"
    assert governed(ran).__doc__ == "A handler."


@pytest.mark.usefixtures("_process_is_governed")
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


def test_a_layer_that_stands_aside_is_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor_layer.invocation._gate", lambda: None)
    assert governed(ran) is ran
