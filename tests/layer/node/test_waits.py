"""Check-ins that may wait: at a governor that keeps them waiting, and at one that hangs."""

import threading

import pytest

from tests.layer import misbehaviour
from tests.layer.behaviour import HangUpError, Request, grants, http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import Desk
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
@pytest.mark.parametrize("status", [200, 401, 503])
def test_a_governor_that_answers_others_is_waited_for(
    child: Child, standin: StandIn, event: str, variables: dict[str, str], status: int
) -> None:
    heard = threading.Event()

    def keeps_waiting(request: Request) -> bytes:
        if request.method == "GET":
            request.peer.sendall(http(status))
            assert request.peer.recv(1) == b"", "it asks once"
            heard.set()
            raise HangUpError
        heard.wait(20)
        return grants(request)

    standin.behaviour = keeps_waiting
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="100", **variables)
    lease = at.check_in(event=event_of({"event": event}), remaining_ms=LONG_MS)
    assert heard.is_set()
    assert [lease] == standin.ids()


def test_who_may_not_wait_asks_for_no_sign_of_life(child: Child, standin: StandIn) -> None:
    standin.behaviour = misbehaviour.hangs
    with pytest.raises(RaisedError, match="timed out"):
        Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="100").check_in()
    assert standin.paths("GET") == []
