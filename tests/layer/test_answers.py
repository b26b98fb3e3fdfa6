"""What counts as the governor's answer, however it comes and whatever comes with it."""

import threading

import pytest
from governor_layer.checkin import UnavailableError
from governor_layer.connection import Deadline

from tests.layer.behaviour import Request, grants, http
from tests.layer.desks import Context, desk, lease
from tests.layer.misbehaviour import GARBAGE, grants_byte_by_byte
from tests.layer.standin import StandIn, unacknowledged
from tests.stores import wait_until


def test_bytes_that_nobody_asked_for_end_the_connection(standin: StandIn) -> None:
    standin.behaviour = lambda request: grants(request) + http(408)
    at = desk(standin.url)
    for _ in range(2):
        assert lease(at.check_in({}, Context())) == standin.ids()[-1]
    assert [request.connection for request in standin.requests] == [0, 1]


def test_a_farewell_to_an_idle_connection_is_no_answer(standin: StandIn) -> None:
    at = desk(standin.url)
    at.check_in({}, Context())
    peer = standin.requests[0].peer
    peer.sendall(http(408))
    wait_until(lambda: unacknowledged(peer) == 0, "the farewell has arrived")
    assert lease(at.check_in({}, Context())) == standin.ids()[1]
    assert [request.connection for request in standin.requests] == [0, 1]


def test_an_answer_that_is_there_when_time_is_over_counts(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def answers(request: Request) -> bytes:
        request.peer.sendall(grants(request))
        answered.set()
        return b""

    def busy(deadline: Deadline) -> float:
        asked_before.append(deadline)
        if len(asked_before) < 2:  # to connect
            return left(deadline)
        assert answered.wait(20)
        wait_until(lambda: unacknowledged(standin.requests[0].peer) == 0, "it has arrived")
        raise TimeoutError("timed out")

    left, asked_before = Deadline.left, list[Deadline]()
    standin.behaviour = answers
    at = desk(standin.url)
    monkeypatch.setattr(Deadline, "left", busy)
    assert lease(at.check_in({}, Context())) == standin.ids()[0]


def test_an_answer_may_come_in_pieces(standin: StandIn) -> None:
    standin.behaviour = grants_byte_by_byte
    assert lease(desk(standin.url).check_in({}, Context()))


@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_answer_that_makes_no_sense_is_none(standin: StandIn, garbage: str) -> None:
    standin.behaviour = GARBAGE[garbage]
    at = desk(standin.url)
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    # It came at once, so that there is nothing to be saved by not asking.
    standin.behaviour = grants
    assert lease(at.check_in({}, Context())) == standin.ids()[-1]
