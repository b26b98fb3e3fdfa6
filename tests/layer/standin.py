"""A network peer that behaves as badly as a test wants, in place of a governor."""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


class HangUpError(Exception):
    """Raised by a behaviour: close the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client has sent, on which connection (the first has number 0)."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    peer: socket.socket


Behaviour = Callable[[Request], bytes]
"""From a request to the bytes to answer with."""


def http(status: int, body: object = None, **headers: str) -> bytes:
    """An HTTP answer with a JSON `body`."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def grants(request: Request) -> bytes:
    """Answer as a governor does that has room."""
    return http(201, {"id": request.body["id"]}) if request.method == "POST" else http(204)


def denies(request: Request) -> bytes:
    """Answer as a governor does whose group is full."""
    if request.method != "POST":
        return http(204)
    answer = {"denied_by": "group:etl", "max_concurrency": 7, "in_use": 7, "retry_after_ms": 1200}
    return http(429, {"title": "Denied", "status": 429, **answer})


class StandIn:
    """Serves on a port of its own, a thread per connection. `behaviour` may be exchanged."""

    def __init__(
        self, behaviour: Behaviour = grants, encryption: ssl.SSLContext | None = None
    ) -> None:
        """Listen; with `encryption` it speaks https."""
        self._encryption = encryption
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if encryption is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
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
        return [request.body["id"] for request in self.requests if request.method == "POST"]

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
            self._connections.append(connection)
            self._begin(self._serve, connection, len(self._connections) - 1)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self._encryption is not None:
                connection = self._encryption.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while (line := stream.readline()) != b"":
                    method, path, _ = line.decode().split(" ")
                    headers = {}
                    while (field_line := stream.readline().strip()) != b"":
                        name, _, value = field_line.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    length = int(headers.get("content-length", "0"))
                    body = json.loads(stream.read(length)) if length else {}
                    request = Request(method, path, headers, body, number, connection)
                    self.requests.append(request)
                    connection.sendall(self.behaviour(request))
        except (HangUpError, OSError, ValueError):
            pass
