"""Leases of invocations that outlive them are renewed for as long as their handlers run."""

import json
import threading
from pathlib import Path

import pytest
from governor_layer import renewal
from governor_layer.checkin import UnavailableError

from tests.layer.behaviour import HangUpError, Request, grants, http
from tests.layer.desks import Context, desk, lease
from tests.layer.standin import StandIn
from tests.stores import wait_until

LONG = Context("long", remaining_ms=60_000)
LONG_TOO = Context("long-too", remaining_ms=60_000)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew after moments."""
    monkeypatch.setattr(renewal, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(renewal, "RENEW_EVERY_S", 0.03)


def renewed(standin: StandIn) -> list[str]:
    """The leases that have been renewed, in order."""
    paths = standin.paths("POST")
    return [path.split("/")[3] for path in paths if path.endswith("/renew")]


def threads() -> int:
    """How many threads renew."""
    return sum(thread.name == "governor-renewals" for thread in threading.enumerate())


def test_it_is_renewed_while_the_handler_runs(standin: StandIn) -> None:
    secret = "s3cret"
    at = desk(standin.url, GOVERNOR_TOKEN=secret)
    granted = lease(at.check_in({}, LONG))
    wait_until(lambda: len(renewed(standin)) >= 3, "it is renewed, and again")
    at.check_out(granted)
    wait_until(lambda: standin.paths("DELETE") != [], "it is given back")
    asked = standin.requests[0]
    again = next(r for r in standin.requests if r.path.endswith("/renew"))
    assert again.path == f"/v1/leases/{granted}/renew"
    assert again.body == {"function": "etl-load", "ttl_ms": 30_000}
    assert again.headers["authorization"] == f"Bearer {secret}"
    assert again.connection != asked.connection, "an invocation's own is not to be waited for"

    # And no longer: the next one is renewed, and nobody but that.
    before = len(renewed(standin))
    next_one = lease(at.check_in({}, LONG_TOO))
    wait_until(lambda: renewed(standin).count(next_one) >= 3, "the next one is renewed")
    assert set(renewed(standin)[before + 1 :]) == {next_one}, "one may have been under way"
    at.check_out(next_one)


def test_its_last_renewal_is_for_the_time_left(standin: StandIn) -> None:
    context = Context(remaining_ms=60_000)
    at = desk(standin.url)
    granted = lease(at.check_in({}, context))
    context.remaining_ms = 3_000
    wait_until(lambda: len(renewed(standin)) >= 1, "it is renewed")
    at.check_out(granted)
    assert [r.body["ttl_ms"] for r in standin.requests if "renew" in r.path][-1] == 5_000


def test_short_invocations_need_no_thread(standin: StandIn) -> None:
    before = threads()
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context(remaining_ms=28_000)))
    assert threads() == before
    at.check_out(granted)
    leases = [lease(at.check_in({}, LONG)), lease(at.check_in({}, LONG_TOO))]
    assert threads() == before + 1, "one for all that are long"
    wait_until(lambda: set(renewed(standin)) == set(leases), "both are renewed")
    for each in leases:
        at.check_out(each)


def test_a_renewal_that_fails_is_tried_again(
    standin: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails_at_first(request: Request) -> bytes:
        if not request.path.endswith("/renew"):
            return grants(request)
        match len(renewed(standin)):
            case 1:
                raise HangUpError
            case 2:
                return http(503)
            case 3:
                return http(200, ["nonsense"])
        return grants(request)

    standin.behaviour = fails_at_first
    at = desk(standin.url)
    granted = lease(at.check_in({}, LONG))
    wait_until(lambda: len(renewed(standin)) >= 5, "it is tried again")
    at.check_out(granted)
    assert lease(at.check_in({}, Context()))
    assert capfd.readouterr().out == "", "and harms nothing"


def test_a_lease_that_was_lost_is_logged(
    standin: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    def loses_it_once(request: Request) -> bytes:
        if len(renewed(standin)) == 1 and request.path.endswith("/renew"):
            return http(200, {"expires_at_ms": 1, "reinstated": True})
        return grants(request)

    standin.behaviour = loses_it_once
    at = desk(standin.url)
    granted = lease(at.check_in({}, LONG))
    wait_until(lambda: len(renewed(standin)) >= 3, "it is renewed")
    at.check_out(granted)
    line = json.loads(capfd.readouterr().out)
    assert (line["message"], line["lease"]) == ("governor: lease reinstated", granted)


def test_an_overrun_is_renewed_too(standin: StandIn) -> None:
    at = desk(standin.url)
    at.overrun("denied:1", LONG)
    wait_until(lambda: renewed(standin).count("denied:1") >= 3, "it is told, then renewed")
    at.check_out("denied:1")


def test_an_overrun_that_could_not_be_told_is_told_by_its_renewal(standin: StandIn) -> None:
    standin.behaviour = lambda request: grants(request) if len(standin.requests) > 1 else http(503)
    at = desk(standin.url)
    with pytest.raises(UnavailableError):
        at.overrun("denied:1", LONG)
    wait_until(lambda: renewed(standin).count("denied:1") >= 3, "it is renewed all the same")
    at.check_out("denied:1")


def test_what_ended_while_the_thread_was_held_up_is_not_renewed(
    encrypted: StandIn, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread freezes wherever it is, as in connecting, and its invocation may be long over."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("public.pem")))
    entered, thawed = threading.Event(), threading.Event()

    def frozen(connection: int) -> None:
        if connection > 0:
            entered.set()
            thawed.wait(20)

    encrypted.welcome = frozen
    at = desk(encrypted.url)
    ended = lease(at.check_in({}, LONG))
    assert entered.wait(20)
    at.check_out(ended)
    thawed.set()
    running = lease(at.check_in({}, LONG_TOO))
    wait_until(lambda: running in renewed(encrypted), "what runs is renewed")
    at.check_out(running)
    assert ended not in renewed(encrypted)
