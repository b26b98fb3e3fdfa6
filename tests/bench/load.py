"""A load generator: `python -m tests.bench.load PORT PATH CONNECTIONS SECONDS`, prints JSON.

Each connection sends its next POST when the answer to the last one is there. Raw sockets and next
to no parsing, so that the server is what is measured.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import cast

import uvloop

WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some seconds of load."""

    per_s: float
    p50_us: float
    p99_us: float
    failures: int


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, number: int, path: str, until: float) -> None:
        """Ask for `path` until the time `until`."""
        self.latencies: list[tuple[float, float]] = []
        self.failures = 0
        self.done = asyncio.get_running_loop().create_future()
        self._until = until
        self._number = number
        self._count = 0
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        ).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Note the answer, which fits into one packet, and ask again."""
        now = perf_counter()
        self.latencies.append((now, now - self._sent))
        if not data.startswith(b"HTTP/1.1 20"):
            self.failures += 1
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.failures += exc is not None
        self.done.set_result(None)

    def _send(self) -> None:
        self._count += 1
        body = b'{"id":"%.6f-%d-%d","function":"bench","ttl_ms":600000}' % (
            self._until,
            self._number,
            self._count,
        )
        self._sent = perf_counter()
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))


async def run(port: int, path: str, connections: int, seconds: float) -> Load:
    """Load the server on `port` and return what came of it after the warm-up."""
    begin = perf_counter() + WARM_UP_S
    until = begin + seconds
    loop = asyncio.get_running_loop()
    clients = [Client(number, path, until) for number in range(connections)]

    def connect(client: Client) -> Awaitable[object]:
        return loop.create_connection(lambda: client, "127.0.0.1", port)

    for client in clients:
        await connect(client)
    await asyncio.gather(*(client.done for client in clients))
    latencies = sorted(
        latency for client in clients for at, latency in client.latencies if begin <= at < until
    )
    return Load(
        len(latencies) / seconds,
        latencies[len(latencies) // 2] * 1e6,
        latencies[len(latencies) * 99 // 100] * 1e6,
        sum(client.failures for client in clients),
    )


if __name__ == "__main__":
    port, path, connections, seconds = sys.argv[1:]
    print(json.dumps(asdict(uvloop.run(run(int(port), path, int(connections), float(seconds))))))
