"""What a governor, or something in its place, may do wrong. For `StandIn.behaviour`."""

import time

from tests.layer.behaviour import Behaviour, HangUpError, Request, grants, http


def hangs(request: Request) -> bytes:
    """Never answer: wait until the client gives up."""
    while request.peer.recv(1024):
        pass
    raise HangUpError


def drips(request: Request) -> bytes:
    """Answer without end, a byte at a time: each one arrives well within the client's timeout."""
    request.peer.sendall(b"HTTP/1.1 201 Created\r\nX-Filler: ")
    while True:
        request.peer.sendall(b".")
        time.sleep(0.02)


def takes(seconds: float) -> Behaviour:
    """Grant, but only after `seconds`."""

    def takes(request: Request) -> bytes:
        if request.method == "POST":
            time.sleep(seconds)
        return grants(request)

    return takes


def hangs_up(_: Request) -> bytes:
    """Close the connection instead of an answer."""
    raise HangUpError


def hangs_up_half_way(request: Request) -> bytes:
    """Close the connection in the middle of an answer."""
    request.peer.sendall(grants(request)[:-3])
    raise HangUpError


def closes_silently(request: Request) -> bytes:
    """Answer well, and close the connection without having said so."""
    request.peer.sendall(grants(request))
    raise HangUpError


def closes_as_told(request: Request) -> bytes:
    """Answer well, say that the connection ends with it, and close it."""
    request.peer.sendall(grants(request).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    raise HangUpError


def talks_garbage(_: Request) -> bytes:
    """Speak another protocol."""
    return b"\x16\x03\x01\x00\xffSSH-2.0\r\n\r\n"


def shows_a_page(_: Request) -> bytes:
    """Answer as a captive portal does."""
    page = b"<html>Welcome</html>"
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)


def grants_something_else(request: Request) -> bytes:
    """Grant an id that was not asked for."""
    return http(201, {"id": "another"}) if request.method == "POST" else http(204)


def denies_without_a_reason(request: Request) -> bytes:
    """Deny as a rate limiter on the way does, not as a governor."""
    return http(429, {"message": "Too Many Requests"}) if request.method == "POST" else http(204)


def floods(_: Request) -> bytes:
    """Answer with a body of a gigabyte, by its own account."""
    return b"HTTP/1.1 201 Created\r\nContent-Length: 1000000000\r\n\r\n{"


def answers(status: int, location: str = "http://127.0.0.1:1/") -> Behaviour:
    """Answer everything with `status`; redirections go to `location`."""

    def answers(_: Request) -> bytes:
        headers = {"Location": location} if status // 100 == 3 else {}
        return http(status, {"title": "Not today", "status": status}, **headers)

    return answers


def grants_byte_by_byte(request: Request) -> bytes:
    """Grant in as many pieces as there can be."""
    whole = grants(request)
    for at in range(len(whole) - 1):
        request.peer.sendall(whole[at : at + 1])
    return whole[-1:]


def echo_after(head: str) -> Behaviour:
    """A behaviour that sends `head`, and a grant's body."""
    return lambda request: head.encode() + json_grant(request)


def json_grant(request: Request) -> bytes:
    """The body of a grant."""
    return grants(request).partition(b"\r\n\r\n")[2]


GARBAGE: dict[str, Behaviour] = {
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
"""Answers that are none, by what is wrong with them."""
