"""A network peer that behaves as badly as a test wants, in place of a governor."""

import array
import fcntl
import json
import socket
import ssl
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from tests.layer.behaviour import Behaviour, HangUpError, Request, grants
from tests.stores import wait_until


class StandIn:
    """Serves on a port of its own, a thread per connection.

    `behaviour` may be exchanged, and so may `welcome`, which is called with the number of each new
    connection before anything is read from it or said.
    """

    def __init__(
        self, behaviour: Behaviour = grants, encryption: ssl.SSLContext | None = None
    ) -> None:
        """Listen; with `encryption` it speaks https."""
        self._encryption = encryption
        self.behaviour = behaviour
        self.welcome: Callable[[int], None] = lambda _number: None
        self.requests: list[Request] = []
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        scheme = "http" if encryption is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.address[1]}"
        self._begin(self._accept)

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Go away for good."""
        self.close()

    def close(self) -> None:
        """Close everything; nobody listens on the port any more."""
        with suppress(OSError):  # it may be closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()
        for thread in list(self._threads):
            thread.join()

    def drop_connections(self) -> None:
        """Close all connections, as a restarted service or a load balancer does."""
        for connection in self._connections:
            with suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def paths(self, method: str) -> list[str]:
        """The paths of all requests of `method`, in order."""
        return [request.path for request in self.requests if request.method == method]

    def ids(self) -> list[str]:
        """The lease ids that have been asked for, in order."""
        return [request.body["id"] for request in self.requests if "id" in request.body]

    def methods(self, lease_id: str) -> list[str]:
        """The methods of all that came on the connection on which `lease_id` was asked for.

        The last request of `requests` need not be the last that was sent: each connection's thread
        reads when it gets to run.
        """
        number = next(each.connection for each in self.requests if each.body.get("id") == lease_id)
        return [request.method for request in self.requests if request.connection == number]

    def asked(self, number: int) -> list[tuple[str, str, dict[str, Any]]]:
        """Method, path and body of every request, once there are `number` at least."""
        wait_until(lambda: len(self.requests) >= number, "every request arrives", 5)
        return [(request.method, request.path, request.body) for request in self.requests]

    def _begin(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # As every web server: or an answer waits until the one before it is acknowledged.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._begin(self._serve, connection, len(self._connections) - 1)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            self.welcome(number)
            if self._encryption is not None:
                connection = self._encryption.wrap_socket(connection, server_side=True)
                self._connections[number] = connection
            with connection, connection.makefile("rb") as stream:
                while (line := stream.readline()) != b"":
                    method, path, version = line.decode().split()
                    headers = {}
                    while (field_line := stream.readline().strip()) != b"":
                        name, _, value = field_line.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    length = int(headers.get("content-length", "0"))
                    body = json.loads(stream.read(length)) if length else {}
                    request = Request(method, path, headers, body, number, connection)
                    self.requests.append(request)
                    connection.sendall(self.behaviour(request))
                    if version == "HTTP/1.0":
                        raise HangUpError  # noqa: TRY301 - as every server does
        except (HangUpError, OSError, ValueError):
            pass


def unacknowledged(peer: socket.socket) -> int:
    """How many bytes that were sent have not arrived yet (tcp(7), SIOCOUTQ)."""
    count = array.array("i", [0])
    fcntl.ioctl(peer, termios.TIOCOUTQ, count)
    return count[0]
