"""One keep-alive HTTP/1.1 connection to the governor, on bare sockets.

`http.client` costs a cold start 15 ms and `socket` 2, more than all the rest of the layer.
"""

import _socket
import time

from .http_message import MAX_HEAD, Answer, UnexpectedAnswerError, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

MAX_IDLE_S = 60.0
"""Oldest connection that is used again. NAT gateways and load balancers drop idle ones after 60 to
350 s, some without a word, and a request sent into the void would cost the whole deadline."""

MOST_UNTOLD = 100
"""So much is kept for the next connection. What is older is over: a lease lives for 30 s."""

FRESH_S = 1.0
"""For so long after its last use a connection is taken to be alive by whoever waits for nothing."""


class StaleConnectionError(ConnectionError):
    """The connection had been used before and turned out dead: ask again, on a new one."""


class Deadline:
    """A point in time that several steps share."""

    __slots__ = ("_at", "_more")

    def __init__(self, seconds: float, more: "Callable[[], float] | None" = None) -> None:
        """Set it to `seconds` from now; `more` says how many an answer may take on top of them.

        It is asked once, when they are over, and raises TimeoutError if they were all.
        """
        self._at = time.monotonic() + seconds
        self._more = more

    def left(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def put_off(self) -> None:
        """Make it later, as no answer has come by then. Raises TimeoutError: it is final."""
        more, self._more = self._more, None
        if more is None:
            raise TimeoutError("timed out")
        self._at += more()


class Connection:
    """Where requests go, one thread at a time. It opens itself when used.

    `ask` waits for the answer; `tell` does not. The answers to what has been told are read before
    the next one that is asked for. What is told must be idempotent: if the connection dies before
    the answer has been seen, it is told again on the next one.
    """

    def __init__(self, host: str, port: int, tls: "ssl.SSLContext | None" = None) -> None:
        """Remember where to connect to; do nothing yet."""
        self._host = host
        self._port = port
        self._tls = tls
        self._socket: _socket.socket | None = None
        self._received = b""
        self._told: list[bytes] = []
        self._used_at = 0.0

    def __del__(self) -> None:
        """Close: the governor then knows that nothing more is coming."""
        self.close()

    def open(self, deadline: Deadline) -> bool:
        """Connect unless that has been done; whether it had, and the connection is in order yet.

        A new one is first told what the last one took to its grave. Raises OSError: no connection
        by the deadline.
        """
        if self._is_alive():
            return True
        try:
            self._connect(deadline)
            if self._told:
                self._within(deadline.left()).sendall(b"".join(self._told))
        except BaseException:
            self.close()
            raise
        return False

    def ask(self, request: bytes, deadline: Deadline, undo: bytes = b"") -> Answer:
        """Send a request and return the answer to it. After an error the connection is closed.

        `undo` takes back what has been asked for: it is told if the answer is lost, as it may have
        been a yes.

        Raises:
            StaleConnectionError: a connection has died that had been used; nobody has answered.
            UnexpectedAnswerError: what came back is no HTTP answer.
            OSError: no connection, or no answer by the deadline (TimeoutError).

        """
        used = reused = self.open(deadline)
        try:
            # Without waiting: there is room for a request, or nobody has read for a long time.
            self._within(0.0).sendall(request)
            while self._told:
                self._receive(deadline)
                del self._told[0]
                used = True
            answer = self._receive(deadline)
        except BaseException as error:
            stale = used and isinstance(error, ConnectionError)
            # A new one that dies after what it was told hangs up after each answer: it has not
            # heard the request, and would not hear it behind yet another thing to be told.
            if undo and (reused or not stale):
                self._told.append(undo)
            self.close()
            if stale:
                raise StaleConnectionError from error
            raise
        self._used_at = time.time()
        if answer.closes or self._received:  # bytes that nobody asked for: no telling what is next
            self.close()
        return answer

    def tell(self, request: bytes, patience_s: float) -> None:
        """Write a request, and leave its answer for later.

        It takes time only, `patience_s` at most, when a new connection has to be made for it.
        Raises OSError when there is none; the request then goes out first on the next one.
        """
        used_s_ago = time.time() - self._used_at
        self._told.append(request)
        try:
            if (self._socket is not None and 0 <= used_s_ago < FRESH_S) or self._is_alive():
                self._within(0.0).sendall(request)
            else:
                self.open(Deadline(patience_s))
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
        del self._told[:-MOST_UNTOLD]

    def _is_alive(self) -> bool:
        """Whether the open connection, if any, can be used again as far as can be told at once."""
        if self._socket is None:
            return False
        # The wall clock, for the monotonic one stands still while Lambda keeps the machine frozen.
        alive = 0 <= time.time() - self._used_at < MAX_IDLE_S
        if alive:
            try:
                received = self._look()
                self._received += received or b""
                # Else closed, or nothing we asked for.
                alive = received is None or bool(received and self._told)
            except OSError:
                alive = False
        if not alive:
            self.close()
        return alive

    def _look(self) -> bytes | None:
        """What has come, or None: nothing yet. Does not wait. Raises OSError: it is broken."""
        try:
            return self._within(0.0).recv(MAX_HEAD)
        except OSError as error:
            # By name, as `ssl`, whose is the other one, is not to be loaded over http.
            if type(error).__name__ in {"BlockingIOError", "SSLWantReadError"}:
                return None
            raise

    def _connect(self, deadline: Deadline) -> None:
        from .address import addresses  # noqa: PLC0415 - once in a connection's life

        refusal: OSError = ConnectionRefusedError("no address to connect to")
        for family, kind, protocol, address in addresses(self._host, self._port, deadline):
            self._socket = _socket.socket(family, kind, protocol)
            try:
                self._within(deadline.left()).connect(address)
                self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    from .tls import encrypted  # noqa: PLC0415 - what only https is to cost

                    self._socket = encrypted(self._socket, self._tls, self._host, deadline.left())
            except OSError as error:
                self.close()
                refusal = error
            else:
                return
        raise refusal

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
        try:
            received = self._within(deadline.left()).recv(MAX_HEAD)
        except TimeoutError:
            # A process that was kept busy may find the answer and the end of its time at once.
            late = self._look()
            if late is None:
                deadline.put_off()
                return
            received = late
        if not received:
            raise ConnectionResetError("closed without an answer")
        self._received += received
