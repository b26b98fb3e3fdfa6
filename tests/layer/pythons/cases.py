"""Runs the shared cases in whichever Python this is, one built for WebAssembly.

It has no sockets: the operating system's are exchanged for one that has the stand-in at its other
end. All else is the layer's own. It is given folders: the layer, the checkout, and one with the
cases, where it leaves what came of each.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.simplefilter("error")
LAYER, CHECKOUT, SCRATCH = (Path(f"/given/{number}") for number in range(3))
sys.path[:0] = [str(LAYER), str(CHECKOUT)]

import _socket  # noqa: E402 - now that the path is right

from tests.layer.behaviour import Request, scripted  # noqa: E402
from tests.layer.desks import Context  # noqa: E402
from tests.layer.table import RAN, run  # noqa: E402


class Peer:
    """The stand-in's end of a wire."""

    def __init__(self, wire: "Wire") -> None:
        """At the other end of `wire`."""
        self._wire = wire

    def sendall(self, data: bytes) -> None:
        """Answer later than at once."""
        self._wire.answers += data


class Wire(_socket.socket):
    """A socket to the stand-in: what is sent is answered at once."""

    def __init__(self, behave: Callable[[Request], bytes], requests: list[Request]) -> None:
        """Connected from the beginning."""
        self._behave, self._requests, self.answers = behave, requests, b""
        self._waits = False

    def connect(self, address: object) -> None:
        """It is."""

    def settimeout(self, seconds: object) -> None:
        """Nobody waits here: what is not there at once has timed out."""
        self._waits = bool(seconds)

    def setsockopt(self, *option: object) -> None:
        """There are none."""

    def close(self) -> None:
        """Nothing to let go of."""

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """What has been answered."""
        received, self.answers = self.answers[:size], self.answers[size:]
        if not received:
            raise TimeoutError if self._waits else BlockingIOError
        return received

    def sendall(self, data: bytes, _flags: int = 0) -> None:  # type: ignore[override]
        """Answer every request in `data`."""
        while data:
            head, _, data = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ")
            headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
            length = int(headers.get("content-length", "0"))
            content, data = data[:length], data[length:]
            body = json.loads(content) if content else {}
            request = Request(method, path, headers, body, 0, Peer(self))  # type: ignore[arg-type]
            self._requests.append(request)
            self.answers += self._behave(request)


def came_of(case: dict[str, Any]) -> dict[str, Any]:
    """What came of one case."""
    requests: list[Request] = []
    behave, event, called = scripted(case["governor"]), case["event"], []

    def handler(seen: object, _context: object) -> object:
        called.append(seen is event)
        return RAN

    _socket.socket = lambda *_: Wire(behave, requests)  # type: ignore[assignment, misc]
    output: list[bytes] = []
    os.write = lambda _fd, line: output.append(line)  # type: ignore[arg-type, assignment, return-value]
    context = Context(remaining_ms=case["remaining_ms"])
    returned, error = run(handler, event, context, case["environ"])
    return {
        "called": called,
        "returned": returned,
        "error": error,
        "requests": [(request.method, request.path, request.body) for request in requests],
        "output": b"".join(output).decode(),
    }


given = json.loads((SCRATCH / "given.json").read_text())
came = {"version": sys.version, "cases": [came_of(case) for case in given]}
(SCRATCH / "came.json").write_text(json.dumps(came))
