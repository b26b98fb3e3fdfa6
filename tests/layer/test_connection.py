"""The connection to the governor: what goes over it, how it dies, and what it costs at most."""

import array
import fcntl
import shutil
import socket
import ssl
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from governor_layer import breaker
from governor_layer.checkin import Desk, UnavailableError
from governor_layer.denial import Denial
from governor_layer.settings import Settings

from tests.conftest import missing
from tests.layer.standin import HangUpError, Request, StandIn, denies, grants, http
from tests.stores import free_ports, wait_until

AMPLE_MS = "20000"
"""A timeout that only a hanging layer would reach."""


class Context:
    """What the runtime tells a handler of its invocation."""

    def __init__(self, request_id: str = "c6af9ac6-7b61", remaining_ms: int = 3000) -> None:
        """Fix the values."""
        self.aws_request_id = request_id
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        """The same at any time."""
        return self._remaining_ms


def desk(url: str, **variables: str) -> Desk:
    """A desk that asks at `url`."""
    environ = {"GOVERNOR_URL": url, "AWS_LAMBDA_FUNCTION_NAME": "etl-load"}
    return Desk(Settings({**environ, "GOVERNOR_TIMEOUT_MS": AMPLE_MS, **variables}))


def lease(outcome: str | Denial) -> str:
    """The id of a lease that has been granted."""
    assert isinstance(outcome, str)
    return outcome


def test_a_check_in_says_who_asks_and_for_how_long(standin: StandIn) -> None:
    secret = "s3cret"
    granted = desk(standin.url + "/base", GOVERNOR_TOKEN=secret).check_in({}, Context())
    (request,) = standin.requests
    assert (request.method, request.path) == ("POST", "/base/v1/leases")
    assert request.body == {"id": granted, "function": "etl-load", "ttl_ms": 5000}
    assert lease(granted).startswith("c6af9ac6-7b61:")
    assert request.headers["authorization"] == f"Bearer {secret}"
    assert request.headers["host"] == standin.url.removeprefix("http://")


def test_a_denial_says_by_whom(standin: StandIn) -> None:
    standin.behaviour = denies
    outcome = desk(standin.url).check_in({}, Context())
    assert isinstance(outcome, Denial)
    assert (outcome.denied_by, outcome.max_concurrency, outcome.in_use) == ("group:etl", 7, 7)
    assert outcome.retry_after_ms == 1200
    assert outcome.reason == "etl-load is denied by group:etl: 7 of 7 in use"


@pytest.mark.parametrize(
    ("remaining_ms", "ttl_ms"), [(0, 2000), (-9000, 1), (900_000, 902_000), (10**8, 1_200_000)]
)
def test_a_lease_lives_as_long_as_the_invocation_may(
    standin: StandIn, remaining_ms: int, ttl_ms: int
) -> None:
    desk(standin.url).check_in({}, Context(remaining_ms=remaining_ms))
    assert standin.requests[0].body["ttl_ms"] == ttl_ms


@pytest.mark.parametrize("request_id", ["a b/c\r\nd?é", "x" * 500, ""])
def test_lease_ids_are_fit_for_a_path(standin: StandIn, request_id: str) -> None:
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context(request_id)))
    assert len(granted) <= 128
    assert all(c.isascii() and (c.isalnum() or c in "._-:") for c in granted)


def test_an_invocation_by_hand_needs_no_context(standin: StandIn) -> None:
    assert lease(desk(standin.url).check_in({}, None))
    assert standin.requests[0].body["ttl_ms"] == 902_000


def test_a_wait_ends_before_the_invocation_does(standin: StandIn) -> None:
    at = desk(standin.url, GOVERNOR_WAIT_MS="5000", GOVERNOR_TIMEOUT_MS="1000")
    for remaining_ms in (60_000, 3_000, 500):
        at.check_in({}, Context(remaining_ms=remaining_ms))
    assert [request.body.get("wait_ms") for request in standin.requests] == [5000, 2000, None]


def test_the_budget_for_an_answer_includes_the_wait(standin: StandIn) -> None:
    waited = threading.Event()

    def slow(request: Request) -> bytes:
        waited.wait(0.3)
        return grants(request)

    standin.behaviour = slow
    at = desk(standin.url, GOVERNOR_TIMEOUT_MS="100", GOVERNOR_WAIT_MS="20000")
    assert lease(at.check_in({}, Context(remaining_ms=60_000)))


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


def test_a_connection_that_dies_while_asking_is_replaced_once(standin: StandIn) -> None:
    def hangs_up_on_old(request: Request) -> bytes:
        if request.connection == 0 and len(standin.requests) > 1:
            raise HangUpError
        return grants(request)

    standin.behaviour = hangs_up_on_old
    at = desk(standin.url)
    at.check_in({}, Context())
    granted = at.check_in({}, Context())
    assert [request.connection for request in standin.requests] == [0, 0, 1]
    # The try that got no answer may have been granted, and be released when that is noticed.
    assert granted == standin.ids()[2] != standin.ids()[1]


def test_a_new_connection_that_dies_is_not_tried_again(standin: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    standin.behaviour = hangs_up
    with pytest.raises(UnavailableError, match=r"closed without an answer|reset"):
        desk(standin.url).check_in({}, Context())
    assert len(standin.requests) == 1


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
    standin: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
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
    assert capsys.readouterr().out.count("breaker opened") == 1

    over.set()
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + breaker.PAUSE_S)
    assert lease(at.check_in({}, Context())) == standin.ids()[1]
    assert capsys.readouterr().out.count("breaker closed") == 1
    assert lease(at.check_in({}, Context())) == standin.ids()[2]
    assert capsys.readouterr().out == ""


def test_a_check_out_to_nobody_counts_as_a_failure(standin: StandIn) -> None:
    at = desk(standin.url)
    granted = lease(at.check_in({}, Context()))
    standin.close()
    at.check_out(granted)
    with pytest.raises(UnavailableError, match="not asked again"):
        at.check_in({}, Context())


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl")
    both = tmp_path_factory.mktemp("tls") / "certificate.pem"
    subject = ["-subj", "/CN=governor", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [
            *(str(openssl), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *subject,
            *("-keyout", both, "-out", both.with_name("public.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(both.read_text() + both.with_name("public.pem").read_text())
    return both


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[StandIn]:
    """A stand-in that speaks https."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with StandIn(encryption=context) as peer:
        yield peer


def test_https_to_a_trusted_governor(
    encrypted: StandIn, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("public.pem")))
    at = desk(encrypted.url)
    for _ in range(3):
        at.check_out(lease(at.check_in({}, Context())))
    wait_until(lambda: len(encrypted.paths("DELETE")) == 3, "every lease is given back")
    assert {request.connection for request in encrypted.requests} == {0}


def test_https_to_an_impostor(encrypted: StandIn) -> None:
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        desk(encrypted.url).check_in({}, Context())
    assert encrypted.requests == []
