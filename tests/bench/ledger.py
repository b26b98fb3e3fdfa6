"""The ledger alone: the Redis functions on the embedded store, without the web server."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import uvloop
from redis.asyncio import Redis

from governor.ledger.client import LedgerClient
from governor.ledger.embedded import EmbeddedServer
from governor.ledger.keys import pool_keys
from governor.ledger.library import shipped
from governor.ledger.wire import Packer
from governor.model import Acquire, Release
from governor.policy import Account, Function, Group, Policy
from governor.resolver import Resolver
from tests.bench.figures import Bound, Figure, median

CONNECTIONS = 50
ROUNDS = 5
PAIRS = 4000
BLOCK = 200
BLOCKS = 40
NOOP = "#!lua name=bench\nredis.register_function('bench_noop', function() return 1 end)"


def _policy(functions: int) -> Policy:
    return Policy(
        account=Account(max_concurrency=1_000_000),
        groups={"g": Group(max_concurrency=1_000_000)},
        functions={
            f"f{number}": Function(max_concurrency=1_000_000, groups=("g",))
            for number in range(functions)
        },
    )


def _command(*words: str | bytes) -> bytes:
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(
        b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded
    )


async def _rate(socket: str, commands: Sequence[bytes]) -> float:
    """Send `commands` over 50 connections, one at a time on each; return how many a second."""

    async def send(share: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_unix_connection(socket)
        for command in share:
            writer.write(command)
            head = await reader.readline()
            assert head[:1] in b"$:", head
            if head[:1] == b"$":
                await reader.readexactly(int(head[1:]) + 2)
        writer.close()

    started = perf_counter()
    await asyncio.gather(*(send(commands[i::CONNECTIONS]) for i in range(CONNECTIONS)))
    return len(commands) / (perf_counter() - started)


@asynccontextmanager
async def _store() -> AsyncIterator[tuple[str, LedgerClient]]:
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder)) as server:
        ledger = LedgerClient(server.url, "bench")
        try:
            yield server.url, ledger
        finally:
            await ledger.close()


async def _single_operations() -> list[tuple[float, float]]:
    """Rounds of (no-op FCALLs/s, pairs/s), every operation a call of its own, nothing batched."""
    library, keys = shipped(), pool_keys("bench")
    rounds = []
    async with _store() as (url, ledger):
        resolver = Resolver(_policy(1))
        await ledger.put_policy(None, resolver)
        packer = Packer(resolver, "nobody")
        async with Redis.from_url(url) as redis:
            await redis.function_load(NOOP)

        def call(operation: Acquire | Release) -> bytes:
            head = ("FCALL", library.exchange, str(len(keys)), *keys)
            return _command(*head, packer.request([operation]))

        ids = [f"{os.urandom(16).hex()}:{number}" for number in range(PAIRS)]
        acquires = [call(Acquire(id_, "f0", 60_000)) for id_ in ids]
        releases = [call(Release(id_)) for id_ in ids]
        noops = [_command("FCALL", "bench_noop", "0")] * (2 * PAIRS)
        path = url.removeprefix("unix://")
        for _ in range(ROUNDS):
            noop = await _rate(path, noops)
            acquired, released = await _rate(path, acquires), await _rate(path, releases)
            rounds.append((noop, 1 / (1 / acquired + 1 / released)))
    return rounds


async def _through_the_client() -> list[tuple[float, float]]:
    """Rounds of (no-op FCALLs/s, pairs/s) of 50 callers of the typed client, a connection each."""

    async def rate(work: Callable[[int], Awaitable[object]], count: int) -> float:
        async def caller(number: int) -> None:
            for step in range(number, count, CONNECTIONS):
                await work(step)

        started = perf_counter()
        await asyncio.gather(*(caller(number) for number in range(CONNECTIONS)))
        return count / (perf_counter() - started)

    async with _store() as (url, ledger):
        resolver = Resolver(_policy(1))
        await ledger.put_policy(None, resolver)
        # A client exchanges over one connection, so it takes one for each caller.
        ledgers = [LedgerClient(url, "bench") for _ in range(CONNECTIONS)]
        async with Redis.from_url(url) as redis:
            await redis.function_load(NOOP)

            async def pair(number: int) -> None:
                own = ledgers[number % CONNECTIONS]
                await own.exchange(resolver, [Acquire(f"id-{number}", "f0", 60_000)])
                await own.exchange(resolver, [Release(f"id-{number}")])

            async def noop(_: int) -> None:
                await redis.fcall("bench_noop", 0)

            rounds = [(await rate(noop, 2 * PAIRS), await rate(pair, PAIRS)) for _ in range(ROUNDS)]
        for each in ledgers:
            await each.close()
        return rounds


async def _batched() -> float:
    """Pairs a second as the service does it: many operations in one call."""
    async with _store() as (_, ledger):
        resolver = Resolver(_policy(1))
        await ledger.put_policy(None, resolver)
        ids = [f"id-{number}" for number in range(CONNECTIONS)]
        started = perf_counter()
        for _ in range(PAIRS // CONNECTIONS):
            await ledger.exchange(resolver, [Acquire(id_, "f0", 60_000) for id_ in ids])
            await ledger.exchange(resolver, [Release(id_) for id_ in ids])
        return PAIRS / (perf_counter() - started)


def throughput() -> list[Figure]:
    """Acquire and release over three scopes, against half as many no-op function calls."""
    client = uvloop.run(_through_the_client())
    single = uvloop.run(_single_operations())
    batched = uvloop.run(_batched())
    noop = median([noop for noop, _ in single])

    def detail(rounds: list[tuple[float, float]]) -> str:
        pairs, noops = (median([each[i] for each in rounds]) for i in (1, 0))
        return f"{pairs:,.0f} pairs/s ÷ ½ · {noops:,.0f}/s"

    return [
        Figure(
            "ledger: pairs/s, 50 callers of the client ÷ ½ no-op FCALL",
            median([pairs / (noop / 2) for noop, pairs in client]),
            detail(client),
            Bound.AT_LEAST,
            0.5,
        ),
        Figure(
            "ledger: the same by raw sockets (only the store works)",
            median([pairs / (noop / 2) for noop, pairs in single]),
            detail(single),
        ),
        Figure(
            "ledger: the same in calls of 50 operations, as the service sends them",
            batched / (noop / 2),
            f"{batched:,.0f} pairs/s ÷ ½ · {noop:,.0f}/s",
        ),
    ]


@asynccontextmanager
async def _filled(functions: int, live: int) -> AsyncIterator[Callable[[int], Awaitable[float]]]:
    """A ledger with `live` leases over `functions` functions.

    Provides a block of acquires, by its number, which takes a median time in µs.
    """
    async with _store() as (_, ledger):
        resolver = Resolver(_policy(functions))
        await ledger.put_policy(None, resolver)
        for first in range(0, live, 250):
            await ledger.exchange(
                resolver,
                [
                    Acquire(f"live-{number}", f"f{number % functions}", 1_200_000)
                    for number in range(first, min(first + 250, live))
                ],
            )

        async def block(number: int) -> float:
            times = []
            for new in range(number * BLOCK, (number + 1) * BLOCK):
                started = perf_counter()
                name = f"f{new % functions}"
                await ledger.exchange(resolver, [Acquire(f"new-{new}", name, 1_200_000)])
                times.append((perf_counter() - started) * 1e6)
                await ledger.exchange(resolver, [Release(f"new-{new}")])
            return median(times)

        yield block


async def _growth() -> list[tuple[float, float]]:
    """Blocks of acquires in an almost empty ledger and in a full one, in turns."""
    async with _filled(10, 10) as small, _filled(10_000, 100_000) as large:
        return [(await small(number), await large(number)) for number in range(BLOCKS)]


def growth() -> list[Figure]:
    """What an acquire costs in a full ledger, against an almost empty one."""
    rounds = uvloop.run(_growth())
    small, large = (median([each[i] for each in rounds]) for i in (0, 1))
    return [
        Figure(
            "ledger: acquire at 100,000 leases and 10,000 functions ÷ at 10 and 10",
            median([large / small for small, large in rounds]),
            f"{large:,.0f} µs ÷ {small:,.0f} µs",
            Bound.AT_MOST,
            1.2,
        )
    ]
