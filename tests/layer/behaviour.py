"""What a governor answers, as the tests have it answer."""

import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
    if request.method == "DELETE":
        return http(204)
    if request.method == "GET":
        return http(200, {"status": "ok"})
    if request.path.endswith("/renew"):
        return http(200, {"expires_at_ms": 1_795_255_572_000, "reinstated": False})
    return http(201, {"id": request.body["id"]})


def denies(request: Request) -> bytes:
    """Answer as a governor does whose group is full."""
    if "id" not in request.body:
        return grants(request)
    answer = {"denied_by": "group:etl", "max_concurrency": 7, "in_use": 7, "retry_after_ms": 1200}
    return http(429, {"title": "Denied", "status": 429, **answer})


def scripted(answers: list[dict[str, Any]]) -> Behaviour:
    """Give these `answers` (status, body), each to a request that is `to`; then grant."""
    left = list(answers)
    late: list[tuple[Request, bytes]] = []

    def behave(request: Request) -> bytes:
        while late:
            earlier, kept = late.pop()
            earlier.peer.sendall(kept)
        if not left:
            return grants(request)
        answer = left.pop(0)
        pattern = re.escape(answer["to"]).replace(r"\{id\}", r"[^/]+")
        if not re.fullmatch(pattern, f"{request.method} {request.path}"):
            raise HangUpError
        if answer.get("late"):
            late.append((request, grants(request)))
        return b"" if answer["status"] is None else http(answer["status"], answer.get("body"))

    return behave
