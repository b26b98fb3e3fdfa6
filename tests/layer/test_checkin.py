"""What a check-in says and hears, and what it costs at most when nobody answers."""

import socket
import threading
import time

import pytest
from governor_layer import breaker
from governor_layer.checkin import UnavailableError
from governor_layer.connection import Connection, Deadline
from governor_layer.denial import Denial
from governor_layer.http_message import head_lines

from governor.demo.ports import free_ports
from tests.layer.behaviour import HangUpError, Request, denies, grants, http
from tests.layer.desks import AMPLE_MS, Context, desk, lease
from tests.layer.standin import StandIn
from tests.stores import wait_until


def test_a_check_in_says_who_asks_and_for_how_long(standin: StandIn) -> None:
    secret = "s3cret"
    granted = desk(standin.url + "/base", GOVERNOR_TOKEN=secret).check_in({}, Context())
    (request,) = standin.requests
    assert (request.method, request.path) == ("POST", "/base/v1/leases")
    assert request.body == {"id": granted, "function": "etl-load", "ttl_ms": 5000}
    assert lease(granted).startswith("c6af9ac6-7b61:")
    assert request.headers["authorization"] == f"Bearer {secret}"
    assert request.headers["host"] == standin.url.removeprefix("http://")


def test_an_ipv6_address_is_bracketed() -> None:
    assert head_lines("::1", 8642) == "\r\nHost: [::1]:8642\r\n"


def test_a_denial_says_by_whom(standin: StandIn) -> None:
    standin.behaviour = denies
    outcome = desk(standin.url).check_in({}, Context())
    assert isinstance(outcome, Denial)
    assert (outcome.denied_by, outcome.max_concurrency, outcome.in_use) == ("group:etl", 7, 7)
    assert outcome.retry_after_ms == 1200
    assert outcome.reason == "etl-load is denied by group:etl: 7 of 7 in use"


@pytest.mark.parametrize(
    "request_id", ["a b/c\r\nd?é", "x" * 500, "", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"]
)
def test_lease_ids_are_fit_for_a_path(standin: StandIn, request_id: str) -> None:
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context(request_id)))
    assert len(granted) <= 128
    assert all(c.isascii() and (c.isalnum() or c in "._-:") for c in granted)


def test_an_invocation_by_hand_needs_no_context(standin: StandIn) -> None:
    assert lease(desk(standin.url).check_in({}, None))
    assert standin.requests[0].body["ttl_ms"] == 30_000


@pytest.mark.parametrize("remaining", [float("inf"), float("nan"), "soon", OSError("mine"), None])
def test_a_time_left_that_is_none_is_not_known(standin: StandIn, remaining: object) -> None:
    class Odd:
        def get_remaining_time_in_millis(self) -> object:
            if isinstance(remaining, Exception):
                raise remaining
            return remaining

    assert lease(desk(standin.url).check_in({}, Odd()))
    assert standin.requests[0].body["ttl_ms"] == 30_000


@pytest.mark.parametrize(("took_ms", "pauses"), [(0, False), (300, True)])
def test_an_unexpected_answer_pauses_if_it_took_its_time(
    standin: StandIn, took_ms: int, *, pauses: bool
) -> None:
    def slow(_request: Request) -> bytes:
        time.sleep(took_ms / 1000)
        return http(503)

    standin.behaviour = slow
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="1000" if pauses else AMPLE_MS)
    for reason in ("503", "not asked again" if pauses else "503"):
        with pytest.raises(UnavailableError, match=reason):
            at.check_in({}, Context(remaining_ms=600_000))


def test_the_budget_for_an_answer_includes_the_wait(standin: StandIn) -> None:
    asked = threading.Event()

    def slow(request: Request) -> bytes:
        if request.method == "GET":
            asked.set()
            return http(404)
        asked.wait(20)
        return grants(request)

    standin.behaviour = slow
    at = desk(standin.url + "/base", GOVERNOR_TIMEOUT_MS="1000", GOVERNOR_WAIT_MS="20000")
    assert lease(at.check_in({}, Context(remaining_ms=60_000)))
    assert [(r.method, r.path, r.connection) for r in standin.requests] == [
        ("POST", "/base/v1/leases", 0),
        ("GET", "/base/healthz", 1),
    ]


def test_a_wait_that_nobody_is_there_to_end_is_a_timeout(standin: StandIn) -> None:
    standin.behaviour = lambda request: http(200) if request.method == "GET" else b""
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="200", GOVERNOR_WAIT_MS="300")
    with pytest.raises(UnavailableError, match="timed out"):
        at.check_in({}, Context(remaining_ms=60_000))
    assert standin.paths("GET") == ["/healthz"], "once"


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n"])
def test_silence_is_an_outage_however_long_an_invocation_may_wait(
    standin: StandIn, answer: bytes
) -> None:
    standin.behaviour = lambda request: answer if request.method == "GET" else b""
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="100", GOVERNOR_WAIT_MS="600000")
    for reason in ("timed out", "not asked again within 5 s: timed out"):
        with pytest.raises(UnavailableError, match=reason):
            at.check_in({}, Context(remaining_ms=900_000))
    assert [r.method for r in standin.requests] == ["POST", "GET"]


def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with pytest.raises(UnavailableError, match="refused"):
        desk(f"http://127.0.0.1:{port}").check_in({}, Context())


def test_a_name_without_address() -> None:
    with pytest.raises(UnavailableError, match=r"governor\.invalid has no address|timed out"):
        desk("http://governor.invalid").check_in({}, Context())


def test_a_name_is_looked_up(standin: StandIn) -> None:
    at = desk(standin.url.replace("127.0.0.1", "localhost"))
    assert lease(at.check_in({}, Context())) == standin.ids()[0]


def test_silence_ends_with_the_budget_and_the_connection(standin: StandIn) -> None:
    over = threading.Event()
    hung_up: list[bytes] = []

    def silent(request: Request) -> bytes:
        hung_up.append(request.peer.recv(1))
        over.set()
        raise HangUpError

    standin.behaviour = silent
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="50")
    with pytest.raises(UnavailableError, match="timed out"):
        at.check_in({}, Context())
    assert over.wait(20)
    assert hung_up == [b""], "so the service knows that nobody wants the lease any more"


def test_dripping_answers_end_with_the_budget(standin: StandIn) -> None:
    over = threading.Event()

    def dripping(request: Request) -> bytes:
        while not over.wait(0.01):
            request.peer.sendall(b"H")
        raise HangUpError

    standin.behaviour = dripping
    with pytest.raises(UnavailableError, match="timed out"):
        desk(standin.url, GOVERNOR_TIMEOUT_MS="100").check_in({}, Context())
    over.set()


def test_after_a_timeout_nobody_is_asked_for_a_while(
    standin: StandIn, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def silent(_request: Request) -> bytes:
        over.wait(20)
        raise HangUpError

    standin.behaviour = silent
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="50")
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    standin.behaviour = grants
    for _ in range(5):
        with pytest.raises(UnavailableError, match="not asked again within 5 s: timed out"):
            at.check_in({}, Context())
    assert len(standin.requests) == 1
    assert capfd.readouterr().out.count("breaker opened") == 1

    over.set()
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + breaker.PAUSE_S)
    assert lease(at.check_in({}, Context())) == standin.ids()[1]
    assert capfd.readouterr().out.count("breaker closed") == 1
    assert lease(at.check_in({}, Context())) == standin.ids()[2]
    assert capfd.readouterr().out == ""


def test_a_clock_that_is_set_back_ends_a_pause(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.behaviour = lambda _request: b""
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="50")
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    standin.behaviour = grants
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() - 3600)
    assert lease(at.check_in({}, Context()))


def test_a_check_out_to_nobody_counts_as_a_failure(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context()))
    monkeypatch.setattr("governor_layer.connection.FRESH_S", 0.0)  # the handler took its time
    standin.close()
    at.check_out(granted)
    with pytest.raises(UnavailableError, match="not asked again"):
        at.check_in({}, Context())


def test_a_check_out_that_has_to_connect_takes_half_of_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = Context(remaining_ms=60_000)
    with StandIn() as standin:
        at = desk(standin.url, GOVERNOR_TIMEOUT_MS="600000")
        granted = lease(at.check_in({}, context))
        monkeypatch.setattr("governor_layer.connection.FRESH_S", 0.0)  # the handler took its time
        standin.drop_connections()
        patience: list[float] = []
        connect = Connection.open

        def opened(self: Connection, deadline: Deadline) -> bool:
            patience.append(deadline.left())
            return connect(self, deadline)

        monkeypatch.setattr(Connection, "open", opened)
        context.remaining_ms = 3_000
        at.check_out(granted)
    assert 0 < patience[0] <= 1.5


def test_after_a_pause_one_finds_out_for_all(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = threading.Event()

    def slow(request: Request) -> bytes:
        if request.method == "POST":
            answering.wait(20)
        return grants(request)

    def silent(request: Request) -> bytes:
        request.peer.recv(1)
        raise HangUpError

    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="50")
    standin.behaviour = silent
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    standin.behaviour = slow
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + breaker.PAUSE_S)
    # It may wait for its turn, so that nothing hurries it.
    waits = Context("waits", remaining_ms=600_000)
    prober = threading.Thread(target=at.check_in, args=({"detail-type": 1, "source": 1}, waits))
    prober.start()
    wait_until(lambda: len(standin.ids()) == 2, "one asks")
    for _ in range(3):
        with pytest.raises(UnavailableError, match="not asked again"):
            at.check_in({}, Context())
    answering.set()
    prober.join()
    assert len(standin.ids()) == 2
    assert at.check_in({}, Context()) == standin.ids()[2], "then all do"


def test_a_check_out_in_a_pause_waits_for_its_end(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(request: Request) -> bytes:
        request.peer.recv(1)
        raise HangUpError

    welcomed: list[int] = []
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="50")
    granted = lease(at.check_in({}, Context()))
    standin.behaviour = silent
    with pytest.raises(UnavailableError):
        at.check_in({}, Context())
    standin.behaviour = grants
    at.check_out(granted)
    standin.welcome = welcomed.append
    with socket.create_connection(standin.address):
        wait_until(lambda: welcomed != [], "we are next")
        clock = time.time
        monkeypatch.setattr(time, "time", lambda: clock() + breaker.PAUSE_S)
        next_one = lease(at.check_in({}, Context()))
    assert [(r.method, r.connection) for r in standin.requests] == [
        *[("POST", 0), ("POST", 0)],
        *[("DELETE", 2), ("DELETE", 2), ("POST", 2)],
    ]
    assert standin.paths("DELETE")[1] == f"/v1/leases/{granted}", "after what was asked in vain"
    assert next_one == standin.ids()[-1]


def test_threads_do_not_mix_up_their_leases(standin: StandIn) -> None:
    at = desk(standin.url)
    together = threading.Barrier(8)
    leases: list[str] = []

    def invocations(name: str) -> None:
        together.wait()
        for _ in range(20):
            granted = lease(at.check_in({}, Context(name)))
            assert granted.startswith(name)
            leases.append(granted)
            at.check_out(granted)

    threads = [threading.Thread(target=invocations, args=(f"thread{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leases) == sorted(standin.ids())
    wait_until(lambda: len(set(standin.paths("DELETE"))) == 160, "every lease is given back")
    assert len({request.connection for request in standin.requests}) <= 8
