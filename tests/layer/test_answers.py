"""What counts as the governor's answer, however it comes and whatever comes with it."""

import array
import fcntl
import socket
import termios
import threading
from collections.abc import Callable

import pytest
from governor_layer.checkin import UnavailableError
from governor_layer.connection import Deadline

from tests.layer.behaviour import Request, grants, http
from tests.layer.desks import Context, desk, lease
from tests.layer.standin import StandIn
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


def unacknowledged(peer: socket.socket) -> int:
    """How many bytes that were sent have not arrived yet (tcp(7), SIOCOUTQ)."""
    count = array.array("i", [0])
    fcntl.ioctl(peer, termios.TIOCOUTQ, count)
    return count[0]


def test_an_answer_may_come_in_pieces(standin: StandIn) -> None:
    def byte_by_byte(request: Request) -> bytes:
        whole = grants(request)
        for at in range(len(whole) - 1):
            request.peer.sendall(whole[at : at + 1])
        return whole[-1:]

    standin.behaviour = byte_by_byte
    assert lease(desk(standin.url).check_in({}, Context()))


def echo_after(head: str) -> Callable[[Request], bytes]:
    """A behaviour that sends `head`, and a grant's body."""
    return lambda request: head.encode() + json_grant(request)


def json_grant(request: Request) -> bytes:
    """The body of a grant."""
    return grants(request).partition(b"\r\n\r\n")[2]


GARBAGE: dict[str, Callable[[Request], bytes]] = {
    "no HTTP": lambda _: b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "nothing but line ends": lambda _: b"\r\n" * 9,
    "another status line": echo_after("HTTP/1.1 OK\r\nContent-Length: 50\r\n\r\n"),
    "no length": echo_after("HTTP/1.1 201 Created\r\n\r\n"),
    "odd length": echo_after("HTTP/1.1 201 Created\r\nContent-Length: -5\r\n\r\n"),
    "long length": echo_after("HTTP/1.1 201 Created\r\nContent-Length: " + "9" * 5000 + "\r\n\r\n"),
    "chunks": lambda request: http(201, {"id": request.body["id"]}, Transfer_Encoding="chunked"),
    "long body": lambda request: http(201, {"id": request.body["id"], "pad": "x" * 70_000}),
    "endless head": lambda _: b"HTTP/1.1 201 Created\r\n" + b"X-Pad: x\r\n" * 9999,
    "continue": lambda _: http(100),
    "empty body": lambda _: http(201),
    "another id": lambda _: http(201, {"id": "somebody-else"}),
    "a list": lambda _: http(201, ["id"]),
    "deep": lambda _: b"HTTP/1.1 201 OK\r\nContent-Length: 60000\r\n\r\n" + b"[" * 60_000,
    "no text": lambda _: b"HTTP/1.1 201 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc",
    "429 of a proxy": lambda _: http(429, {"message": "slow down"}),
    "429 with infinity": lambda _: http(
        429, {"denied_by": "a", "max_concurrency": 1, "in_use": 1, "retry_after_ms": float("inf")}
    ),
    "redirect": lambda _: http(302, None, Location="http://127.0.0.1:1/"),
    "no token": lambda _: http(401, {"title": "Unauthorized"}),
    "broken": lambda _: http(500, {"title": "Internal error"}),
    "store gone": lambda _: http(503, {"title": "Store unavailable"}),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_answer_that_makes_no_sense_is_none(standin: StandIn, garbage: str) -> None:
    standin.behaviour = GARBAGE[garbage]
    at = desk(standin.url)
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    # It came at once, so that there is nothing to be saved by not asking.
    standin.behaviour = grants
    assert lease(at.check_in({}, Context())) == standin.ids()[-1]
