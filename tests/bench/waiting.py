"""How long a waiter takes to hear of room that another replica's client made."""

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

import aiohttp
from redis.asyncio import Redis

from governor.ledger.embedded import EmbeddedServer
from governor.ledger.keys import QUEUE, key
from tests.bench.figures import Bound, Figure, median
from tests.bench.governors import put
from tests.governors import Governor

ROUNDS = 100


async def _wake_ups_ms(store: str, one: str, other: str) -> list[float]:
    """Times from a check-out at `one` to the answer of who waits at `other`, in ms."""
    times = []
    async with aiohttp.ClientSession() as session, Redis.from_url(store) as redis:

        async def acquire(url: str, id_: str, wait_ms: int) -> None:
            body = {"id": id_, "function": "f", "ttl_ms": 60_000, "wait_ms": wait_ms}
            async with session.post(f"{url}/v1/leases", json=body) as reply:
                assert reply.status == 201, await reply.text()

        async def release(id_: str) -> None:
            async with session.delete(f"{one}/v1/leases/{id_}") as reply:
                assert reply.status == 204

        for number in range(ROUNDS):
            await acquire(one, f"held-{number}", 0)
            waiter = asyncio.create_task(acquire(other, f"waits-{number}", 10_000))
            while not await redis.zcard(key("default", QUEUE)):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0)
            begin = perf_counter()
            await release(f"held-{number}")
            await waiter
            times.append((perf_counter() - begin) * 1e3)
            await release(f"waits-{number}")
    return times


def wake_up() -> list[Figure]:
    """The slowest of many wake-ups over two services on one store."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder)) as server:
        store = ("--store", server.url)
        with Governor(*store) as one, Governor(*store) as other:
            put(one, "/v1/functions/f", {"max_concurrency": 1})
            times = asyncio.run(_wake_ups_ms(server.url, one.url, other.url))
    return [
        Figure(
            "waiting: check-out at one replica to the answer at another",
            max(times),
            f"slowest of {ROUNDS}, median {median(times):.1f} ms",
            Bound.AT_MOST,
            50,
            "ms",
        )
    ]
