"""Check-ins that may wait: at a governor that keeps them waiting, and at one that hangs."""

import json
import threading
from pathlib import Path

import pytest

from tests.layer import misbehaviour
from tests.layer.behaviour import HangUpError, Request, grants, http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import Desk, environ
from tests.layer.standin import StandIn
from tests.layer.table import event_of

WAITING = pytest.mark.parametrize(
    ("event", "variables"),
    [("s3.json", {}), ("direct.json", {"GOVERNOR_WAIT_MS": "25000"})],
    ids=["by its source", "as it is set"],
)
LONG_MS = 60_000
"""Time left to an invocation that may wait for longer than a test does."""


@WAITING
def test_a_governor_that_hangs_is_not_waited_for(
    child: Child, standin: StandIn, event: str, variables: dict[str, str]
) -> None:
    standin.behaviour = misbehaviour.hangs
    at = Desk(child, f"{standin.url}/base", GOVERNOR_TIMEOUT_MS="100", **variables)
    given = {"event": event_of({"event": event}), "remaining_ms": LONG_MS}
    with pytest.raises(RaisedError, match="timed out"):
        at.check_in(**given)
    assert [(r.method, r.path, r.connection) for r in standin.requests] == [
        ("POST", "/base/v1/leases", 0),
        ("GET", "/base/healthz", 1),
    ]
    assert standin.requests[0].body["wait_ms"] > 20_000
    with pytest.raises(RaisedError, match="not asked again within 5 s: timed out"):
        at.check_in(**given)


@WAITING
def test_a_governor_that_answers_others_is_waited_for(
    child: Child, standin: StandIn, event: str, variables: dict[str, str]
) -> None:
    heard = threading.Event()

    def keeps_waiting(request: Request) -> bytes:
        if request.method == "GET":
            request.peer.sendall(http(503))
            assert request.peer.recv(1) == b"", "it asks once"
            heard.set()
            raise HangUpError
        heard.wait(20)
        return grants(request)

    standin.behaviour = keeps_waiting
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="1000", **variables)
    lease = at.check_in(event=event_of({"event": event}), remaining_ms=LONG_MS)
    assert heard.is_set()
    assert [lease] == standin.ids()


def test_who_may_not_wait_asks_for_no_sign_of_life(child: Child, standin: StandIn) -> None:
    standin.behaviour = misbehaviour.hangs
    with pytest.raises(RaisedError, match="timed out"):
        Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="100").check_in()
    assert standin.paths("GET") == []


@pytest.mark.parametrize(
    ("waits", "left_ms", "wait_ms"), [(100, 9000, 100), (5000, 5500, 1250), (5000, 3000, None)]
)
def test_a_wait_leaves_half_of_the_time_to_the_handler(
    child: Child, standin: StandIn, waits: int, left_ms: int, wait_ms: int | None
) -> None:
    variables = {"GOVERNOR_TIMEOUT_MS": "3000", "GOVERNOR_WAIT_MS": str(waits)}
    Desk(child, standin.url, **variables).check_in(remaining_ms=left_ms)
    assert standin.requests[0].body.get("wait_ms") == wait_ms


def test_a_check_in_takes_half_of_the_time_left_at_most(child: Child, standin: StandIn) -> None:
    over = threading.Event()

    def slow(request: Request) -> bytes:
        over.wait(5)
        return grants(request)

    standin.behaviour = slow
    with pytest.raises(RaisedError, match="timed out"):
        Desk(child, standin.url).check_in(remaining_ms=200)
    over.set()


def test_a_check_out_takes_half_of_the_time_left_at_most(
    node: Path, encrypted: StandIn, certificate: Path
) -> None:
    over = threading.Event()

    def lets_nobody_in(_number: int) -> None:
        over.wait(5)

    encrypted.behaviour = misbehaviour.closes_as_told
    authority = str(certificate.with_name("public.pem"))
    with Child(node, NODE_EXTRA_CA_CERTS=authority) as trusting:
        at = Desk(trusting, encrypted.url)
        lease = at.check_in()
        encrypted.welcome = lets_nobody_in
        assert not at.check_out(lease, remaining_ms=200), "it takes a new connection"
        line = json.loads(trusting.logged())
    over.set()
    assert (line["message"], line["reason"]) == ("governor: breaker opened", "timed out")


def test_a_wait_is_measured_though_it_has_used_up_the_time(child: Child, standin: StandIn) -> None:
    child.logged()
    child.run(
        "let left = 10_000; const context = { getRemainingTimeInMillis: () => left };"
        "const gate = entrance(given.environ);"
        "const ran = gate.run(new Call(async () => 1, undefined, [{}, context]));"
        "left = 0; await ran;",
        environ=environ(standin.url, GOVERNOR_TIMEOUT_MS="2000", GOVERNOR_WAIT_MS="5000")
        | {"GOVERNOR_EMF": "1"},
    )
    assert "wait_ms" in standin.requests[0].body
    assert "wait_ms" in json.loads(child.logged())
