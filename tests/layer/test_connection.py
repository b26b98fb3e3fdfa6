"""The connection to the governor: what goes over it, how it dies and is replaced."""

import _socket
import errno
import socket
import threading

import pytest
from governor_layer.checkin import UnavailableError

from tests.layer.behaviour import HangUpError, Request, grants, http
from tests.layer.desks import Context, desk, lease
from tests.layer.standin import StandIn
from tests.stores import wait_until


def test_check_ins_share_a_connection(standin: StandIn) -> None:
    at = desk(standin.url)
    for _ in range(3):
        at.check_out(lease(at.check_in({}, Context())))
    at.check_in({}, Context())
    assert [r.method for r in standin.requests] == ["POST", "DELETE"] * 3 + ["POST"]
    assert {request.connection for request in standin.requests} == {0}
    assert standin.paths("DELETE") == [f"/v1/leases/{id_}" for id_ in standin.ids()[:3]]
    assert len(set(standin.ids())) == 4


def test_a_check_out_is_not_waited_for(standin: StandIn) -> None:
    answering = threading.Event()

    def slow_to_release(request: Request) -> bytes:
        if request.method == "DELETE":
            answering.wait(20)
        return grants(request)

    standin.behaviour = slow_to_release
    at = desk(standin.url)
    at.check_out(lease(at.check_in({}, Context())))
    # Here already, while the answer is still being withheld.
    assert not answering.is_set()
    wait_until(lambda: standin.paths("DELETE") != [], "the check-out arrives")
    answering.set()
    assert lease(at.check_in({}, Context())) == standin.ids()[1]
    assert {request.connection for request in standin.requests} == {0}


def test_an_idle_connection_that_died_is_replaced(standin: StandIn) -> None:
    at = desk(standin.url)
    for _ in range(3):
        at.check_in({}, Context())
        standin.drop_connections()
    assert [request.connection for request in standin.requests] == [0, 1, 2]


def test_a_connection_that_died_while_the_handler_ran_is_replaced(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context()))
    monkeypatch.setattr("governor_layer.connection.FRESH_S", 0.0)  # it took its time
    standin.drop_connections()
    at.check_out(granted)
    wait_until(lambda: standin.paths("DELETE") == [f"/v1/leases/{granted}"], "the check-out")
    assert standin.requests[-1].connection == 1


def test_a_check_out_into_the_void_is_repeated(standin: StandIn) -> None:
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context()))
    standin.drop_connections()
    at.check_out(granted)
    next_one = lease(at.check_in({}, Context()))
    assert [(r.method, r.connection) for r in standin.requests] == [
        ("POST", 0),
        ("DELETE", 1),
        ("POST", 1),
    ]
    assert standin.ids()[-1] == next_one


def test_a_connection_that_dies_while_asking_is_replaced_once(standin: StandIn) -> None:
    def hangs_up_on_old(request: Request) -> bytes:
        if request.connection == 0 and len(standin.requests) > 1:
            raise HangUpError
        return grants(request)

    standin.behaviour = hangs_up_on_old
    at = desk(standin.url)
    at.check_in({}, Context())
    granted = at.check_in({}, Context())
    assert [(request.method, request.connection) for request in standin.requests] == [
        *[("POST", 0), ("POST", 0)],
        *[("DELETE", 1), ("POST", 1)],
    ]
    # The try that got no answer may have been granted, and the next one must not be denied by it.
    assert granted == standin.ids()[2] != standin.ids()[1]
    assert standin.paths("DELETE") == [f"/v1/leases/{standin.ids()[1]}"]


def test_a_new_connection_that_dies_is_not_tried_again(standin: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    standin.behaviour = hangs_up
    with pytest.raises(UnavailableError, match=r"closed without an answer|reset"):
        desk(standin.url).check_in({}, Context())
    assert len(standin.requests) == 1


@pytest.mark.parametrize("lost", ["silence", "hang-up", "garbage"])
def test_a_check_in_whose_answer_is_lost_is_taken_back(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    def loses(_request: Request) -> bytes:
        if lost == "hang-up":
            raise HangUpError
        return b"" if lost == "silence" else b"garbage\r\n\r\n"

    monkeypatch.setattr("governor_layer.breaker.PAUSE_S", 0.0)
    standin.behaviour = loses
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="500")
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    standin.behaviour = grants
    lease(at.check_in({}, Context()))
    assert [(r.method, r.connection) for r in standin.requests] == [
        ("POST", 0),
        ("DELETE", 1),
        ("POST", 1),
    ]
    assert standin.paths("DELETE") == [f"/v1/leases/{standin.ids()[0]}"]


def test_what_is_to_be_told_has_a_bound(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor_layer.connection.MOST_UNTOLD", 3)
    standin.behaviour = lambda _request: b"garbage\r\n\r\n"
    at = desk(standin.url)
    for _ in range(5):
        with pytest.raises(UnavailableError):
            at.check_in({}, Context())
    standin.behaviour = grants
    granted = lease(at.check_in({}, Context()))
    assert standin.methods(granted) == ["DELETE"] * 3 + ["POST"]


def test_a_check_in_that_nobody_heard_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor_layer.breaker.PAUSE_S", 0.0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        at = desk(f"http://127.0.0.1:{listener.getsockname()[1]}", GOVERNOR_TIMEOUT_MS="2000")
        with pytest.raises(UnavailableError, match="refused"):
            at.check_in({}, Context())
        listener.listen()
        heard: list[bytes] = []

        def hears() -> None:
            with listener.accept()[0] as caller:
                heard.append(caller.recv(4))

        hearing = threading.Thread(target=hears)
        hearing.start()
        with pytest.raises(UnavailableError):
            at.check_in({}, Context())
        hearing.join()
    assert heard == [b"POST"]


def test_a_service_that_closes_after_each_answer(standin: StandIn) -> None:
    def once(request: Request) -> bytes:
        body = {"id": request.body.get("id")}
        return http(201 if body["id"] else 204, body if body["id"] else None, Connection="close")

    standin.behaviour = once
    at = desk(standin.url)
    leases = [lease(at.check_in({}, Context()))]
    at.check_out(leases[0])
    leases.append(lease(at.check_in({}, Context())))
    wait_until(lambda: f"/v1/leases/{leases[0]}" in standin.paths("DELETE"), "the check-out")
    assert standin.ids()[0] == leases[0]
    assert standin.ids()[-1] == leases[1]


def test_a_service_that_closes_after_each_answer_without_saying_so(
    standin: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    def once(request: Request) -> bytes:
        request.peer.sendall(grants(request))
        raise HangUpError

    standin.behaviour = once
    at = desk(standin.url)
    for _ in range(5):
        at.check_out(lease(at.check_in({}, Context())))
    lease(at.check_in({}, Context()))
    given_back = set(standin.paths("DELETE"))
    assert len(given_back) >= 5, "and check-ins that went to a dead connection are taken back"
    assert capfd.readouterr().out == ""


def test_a_check_in_gets_through_however_many_connections_die(standin: StandIn) -> None:
    def dying(request: Request) -> bytes:
        if request.method == "DELETE" and request.connection == 0:
            request.peer.recv(1)  # until the next check-in has come, too
            raise HangUpError
        if request.connection == 1:
            request.peer.sendall(grants(request))
            raise HangUpError
        return grants(request)

    standin.behaviour = dying
    at = desk(standin.url)
    at.check_out(lease(at.check_in({}, Context())))
    wait_until(lambda: standin.paths("DELETE") != [], "the check-out arrives")
    assert lease(at.check_in({}, Context())) == standin.ids()[-1]
    assert [(r.method, r.connection) for r in standin.requests] == [
        ("POST", 0),
        ("DELETE", 0),
        ("DELETE", 1),
        ("DELETE", 2),
        ("POST", 2),
    ]


def test_a_check_out_without_answer_is_repeated(standin: StandIn) -> None:
    def loses_check_outs(request: Request) -> bytes:
        if request.method == "DELETE" and request.connection == 0:
            raise HangUpError
        return grants(request)

    standin.behaviour = loses_check_outs
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context()))
    at.check_out(granted)
    wait_until(lambda: len(standin.requests) == 2, "the first check-out")
    at.check_in({}, Context())
    assert (f"/v1/leases/{granted}", 1) in [(r.path, r.connection) for r in standin.requests]
    at.check_in({}, Context())
    assert len(standin.paths("DELETE")) == 2, "once answered it is done"


def test_a_long_idle_connection_is_not_used_again(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(standin.url)
    at.check_in({}, Context())
    monkeypatch.setattr("governor_layer.connection.MAX_IDLE_S", 0.0)
    at.check_in({}, Context())
    assert [request.connection for request in standin.requests] == [0, 1]


class Broken(_socket.socket):
    """One whose peer has become unreachable since it was used."""

    broken = False

    def recv(self, *given: int) -> bytes:
        """As the kernel reports it."""
        if Broken.broken:
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        return super().recv(*given)


def test_a_broken_connection_is_replaced(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk(standin.url)
    with monkeypatch.context() as patched:
        patched.setattr("governor_layer.connection._socket.socket", Broken)
        at.check_in({}, Context())
    monkeypatch.setattr(Broken, "broken", True)
    assert lease(at.check_in({}, Context()))
    assert [request.connection for request in standin.requests] == [0, 1]
