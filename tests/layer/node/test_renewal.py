"""Leases of long invocations."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.layer.behaviour import Request, grants, http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import Desk
from tests.layer.standin import StandIn
from tests.stores import wait_until

CLOCK = """
const { mock } = require('node:test');
mock.timers.enable({ apis: ['setInterval'] });
const begin = setInterval; kept.intervals = 0;
globalThis.setInterval = (...given) => { kept.intervals += 1; return begin(...given); };
const end = clearInterval;
globalThis.clearInterval = (timer) => { kept.intervals -= 1; end(timer); };
kept.now = performance.now; kept.ahead = 0;
performance.now = () => kept.now.call(performance) + kept.ahead;
kept.pass = async (ms) => { kept.ahead += ms; mock.timers.tick(ms); };
const { Connection } = require(`${LAYER}/connection.js`);
const { ask } = Connection.prototype; kept.asking = 0;
Connection.prototype.ask = function (...given) {
  kept.asking += 1;
  return ask.apply(this, given).finally(() => { kept.asking -= 1; });
};
kept.restore = () => {
  mock.timers.reset(); performance.now = kept.now; Connection.prototype.ask = ask;
};
"""


@pytest.fixture
def clock(child: Child) -> Iterator[Child]:
    """The child, whose intervals and monotonic clock the test moves on."""
    child.run(CLOCK)
    yield child
    child.run("kept.restore()")


def renewals(standin: StandIn) -> list[Request]:
    """What has been renewed."""
    return [request for request in standin.requests if request.path.endswith("/renew")]


def wait_for_renewals(clock: Child, standin: StandIn, count: int) -> None:
    """Return once so many have been asked for, and the child has the answers."""
    wait_until(lambda: len(renewals(standin)) == count, f"{count} renewals")
    wait_until(lambda: clock.run("return kept.asking") == 0, "the answer has been read")


def test_a_long_invocations_lease_is_renewed(clock: Child, standin: StandIn) -> None:
    at = Desk(clock, standin.url)
    lease = clock.run(
        "const getRemainingTimeInMillis = () => 35_000 - kept.ahead;"
        "return await kept.desk.checkIn({}, { getRemainingTimeInMillis });"
    )
    for count, steps in enumerate(([5000, 4999, 1], [5000, 5000]), 1):
        for ms in steps:
            clock.run("await kept.pass(given.ms)", ms=ms)
        wait_for_renewals(clock, standin, count)
    # What is left, and the grace: so it was renewed after 10 and after 20 s.
    assert [request.body for request in renewals(standin)] == [
        {"function": "etl-load", "ttl_ms": 27_000},
        {"function": "etl-load", "ttl_ms": 17_000},
    ]
    assert {request.path for request in renewals(standin)} == {f"/v1/leases/{lease}/renew"}
    assert {request.connection for request in renewals(standin)} == {1}
    assert clock.run("return kept.intervals") == 1
    at.check_out(lease)
    assert clock.run("return kept.intervals") == 0
    clock.run("await kept.pass(20000)")
    at.check_in()
    assert len(renewals(standin)) == 2, "what has ended is renewed no more"


def test_a_short_invocations_lease_takes_no_timer(clock: Child, standin: StandIn) -> None:
    Desk(clock, standin.url).check_in(remaining_ms=28_000)
    assert clock.run("return kept.intervals") == 0


def test_a_renewal_under_way_keeps_no_process(node: Path, standin: StandIn) -> None:
    over = threading.Event()

    def silent(request: Request) -> bytes:
        if request.path.endswith("/renew"):
            over.wait(30)
        return grants(request)

    standin.behaviour = silent
    with Child(node) as process:
        process.run(CLOCK)
        at = Desk(process, standin.url, GOVERNOR_TIMEOUT_MS="60000")
        at.check_in(remaining_ms=60_000)
        process.run("await kept.pass(10000)")
        wait_until(lambda: renewals(standin) != [], "the renewal is under way")
    over.set()


def test_a_renewal_that_fails_is_tried_at_the_next_look(clock: Child, standin: StandIn) -> None:
    standin.behaviour = lambda request: (
        http(503) if request.path.endswith("/renew") else grants(request)
    )
    at = Desk(clock, standin.url)
    at.check_in(remaining_ms=60_000)
    clock.logged()
    clock.run("await kept.pass(10000)")
    wait_for_renewals(clock, standin, 1)
    clock.run("await kept.pass(5000)")
    wait_for_renewals(clock, standin, 2)
    assert clock.logged() == ""


def test_an_overrun_that_could_not_be_told_is_renewed(clock: Child, standin: StandIn) -> None:
    standin.behaviour = lambda request: (
        http(503) if request.path.endswith("/renew") else grants(request)
    )
    at = Desk(clock, standin.url)
    lease = at.check_in()
    with pytest.raises(RaisedError, match="503"):
        clock.run(
            "await kept.desk.overrun(given.lease, contextOf({ remaining_ms: 60_000 }));",
            lease=lease,
        )
    clock.run("await kept.pass(10000)")
    wait_until(lambda: len(renewals(standin)) == 2, "it is told again", 5)
    at.check_out(lease)
    assert clock.run("return kept.intervals") == 0


def test_a_lease_that_was_lost_is_reported(clock: Child, standin: StandIn) -> None:
    standin.behaviour = lambda request: (
        http(200, {"expires_at_ms": 1, "reinstated": True})
        if request.path.endswith("/renew")
        else grants(request)
    )
    at = Desk(clock, standin.url)
    lease = at.check_in(remaining_ms=60_000)
    clock.logged()
    clock.run("await kept.pass(10000)")
    wait_for_renewals(clock, standin, 1)
    line = json.loads(clock.logged())
    assert line == {"level": "WARN", "message": "governor: lease reinstated", "lease": lease}
