"""One keep-alive HTTP/1.1 connection to the governor, on bare sockets.

`http.client` costs a cold start 15 ms and `socket` 2, more than all the rest of the layer. What
the governor speaks is simple: every answer has a Content-Length. An answer that has not, or isn't
HTTP at all, does not count as one.
"""

import _socket
import contextlib
import threading
import time

from .http_answer import MAX_HEAD, Answer, UnexpectedAnswerError, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from .settings import Settings

MAX_IDLE_S = 60.0
"""Oldest connection that is used again. NAT gateways and load balancers drop idle ones after 60 to
350 s, some without a word, and a request sent into the void would cost the whole deadline."""


class StaleConnectionError(ConnectionError):
    """The connection had been used before and turned out dead: ask again, on a new one."""


class Deadline:
    """A point in time that several steps share."""

    __slots__ = ("_at",)

    def __init__(self, seconds: float) -> None:
        """Set it to `seconds` from now."""
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class Connection:
    """Where requests go, one thread at a time. It opens itself when used.

    `ask` waits for the answer; `tell` does not. The answers to what has been told are read before
    the next one that is asked for. What is told must be idempotent: if the connection dies before
    the answer has been seen, it is told again on the next one.
    """

    def __init__(self, settings: "Settings") -> None:
        """Remember where to connect to; do nothing yet."""
        self._settings = settings
        self._socket: _socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        self._received = b""
        self._told: list[bytes] = []
        self._used_at = 0.0

    def __del__(self) -> None:
        """Close: the governor then knows that nothing more is coming."""
        self.close()

    def ask(self, method: str, path: str, body: bytes, deadline: Deadline) -> Answer:
        """Send a request and return the answer to it. After an error the connection is closed.

        Raises:
            StaleConnectionError: an idle connection has died; nobody has answered.
            UnexpectedAnswerError: what came back is no HTTP answer.
            OSError: no connection, or no answer by the deadline (TimeoutError).

        """
        reused = self._is_alive()
        try:
            if not reused:
                self._open(deadline)
            self._within(deadline.left()).sendall(self._request(method, path, body))
            while self._told:
                self._receive(deadline)
                del self._told[0]
            answer = self._receive(deadline)
        except ConnectionError as error:
            self.close()
            if reused:
                raise StaleConnectionError from error
            raise
        except BaseException:
            self.close()
            raise
        self._used_at = time.time()
        if answer.closes or self._received:  # bytes that nobody asked for: no telling what is next
            self.close()
        return answer

    def tell(self, method: str, path: str, deadline: Deadline) -> None:
        """Write a request without a body, and leave its answer for later.

        It takes time only, until `deadline` at most, when a new connection has to be made for it.
        Raises OSError when there is none; the request then goes out first on the next one.
        """
        alive = self._is_alive()
        self._told.append(self._request(method, path, b""))
        try:
            if alive:
                self._within(0.0).sendall(self._told[-1])
            else:
                self._open(deadline)
        except BaseException:
            self.close()
            raise
        self._used_at = time.time()

    def close(self) -> None:
        """Drop the connection, with all that is still on its way in it."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._received = b""

    def _is_alive(self) -> bool:
        """Whether the open connection, if any, can be used again as far as can be told at once."""
        if self._socket is None:
            return False
        # The wall clock, for the monotonic one stands still while Lambda keeps the machine frozen.
        alive = 0 <= time.time() - self._used_at < MAX_IDLE_S
        if alive:
            try:
                received = self._within(0.0).recv(MAX_HEAD)
                self._received += received
                alive = bool(received and self._told)  # else closed, or nothing we asked for
            except ConnectionError:
                alive = False
            except OSError:  # there is nothing to read yet
                pass
        if not alive:
            self.close()
        return alive

    def _open(self, deadline: Deadline) -> None:
        """Connect, and say first what the last connection took to its grave."""
        self._socket = self._connect(deadline)
        self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        if self._told:
            self._within(deadline.left()).sendall(b"".join(self._told))

    def _connect(self, deadline: Deadline) -> "_socket.socket":
        refusal: OSError = ConnectionRefusedError("no address to connect to")
        for family, kind, protocol, address in _addresses(self._settings, deadline):
            connected = _socket.socket(family, kind, protocol)
            try:
                connected.settimeout(deadline.left())
                connected.connect(address)
                return self._encrypted(connected, deadline) if self._settings.tls else connected
            except OSError as error:
                connected.close()
                refusal = error
        raise refusal

    def _encrypted(self, plain: "_socket.socket", deadline: Deadline) -> "_socket.socket":
        import socket  # noqa: PLC0415 - 9 ms that only https is to cost
        import ssl  # noqa: PLC0415

        self._tls = self._tls or ssl.create_default_context()
        wrapped = socket.socket(fileno=plain.detach())
        wrapped.settimeout(deadline.left())
        return self._tls.wrap_socket(wrapped, server_hostname=self._settings.host)

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        head = f"{method} {settings.prefix}{path} HTTP/1.1\r\nHost: {host}:{settings.port}\r\n"
        if settings.token:
            head += f"Authorization: Bearer {settings.token}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def _within(self, timeout_s: float) -> "_socket.socket":
        """The socket, set to give up after `timeout_s`; 0 does not wait at all."""
        if self._socket is None:
            raise ConnectionAbortedError("not connected")
        self._socket.settimeout(timeout_s)
        return self._socket

    def _receive(self, deadline: Deadline) -> Answer:
        while b"\r\n\r\n" not in self._received:
            if len(self._received) > MAX_HEAD:
                raise UnexpectedAnswerError("the answer's head does not end")
            self._read_on(deadline)
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        status, length, closes = parsed(head)
        while len(self._received) < length:
            self._read_on(deadline)
        body, self._received = self._received[:length], self._received[length:]
        return Answer(status, body, closes=closes)

    def _read_on(self, deadline: Deadline) -> None:
        received = self._within(deadline.left()).recv(MAX_HEAD)
        if not received:
            raise ConnectionResetError("closed without an answer")
        self._received += received


def _addresses(
    settings: "Settings", deadline: Deadline
) -> "list[tuple[int, int, int, tuple[object, ...]]]":
    """Where the governor can be reached. A name is looked up on a thread: that has no timeout."""
    host, port = settings.host.encode(), settings.port  # bytes: text would import the IDNA codec
    found: list[tuple[int, int, int, str, tuple[object, ...]]] = []

    def look_up(flags: int) -> None:
        with contextlib.suppress(OSError):
            found.extend(_socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM, 0, flags))

    look_up(_socket.AI_NUMERICHOST)
    if not found:
        thread = threading.Thread(target=look_up, args=(0,), daemon=True)
        thread.start()
        thread.join(deadline.left())
    if not found:
        deadline.left()
        raise ConnectionRefusedError(f"{settings.host} has no address")
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]
