"""What the store remembers is bounded, however many ids and names pass by (rule 14)."""

from collections.abc import Callable

import pytest
from redis import Redis

from governor.ledger import keys
from governor.model import Acquire, Release
from tests.ledger.clock import Clock
from tests.ledger.replica import Replica

AT_ONCE = 500
HEAD = len([keys.VERSION, keys.NEXT_END])
"""What the book holds beside scopes."""


def records(store: Redis, pool: str) -> dict[str, int]:
    """How many entries each of the pool's keys has."""
    hashes = (keys.LEASES, keys.BOOK, keys.PEAKS)
    sorted_sets = (keys.EXPIRIES, keys.QUEUE, keys.IDLE, keys.RELEASED)
    return {name: int(store.hlen(keys.key(pool, name))) for name in hashes} | {
        name: int(store.zcard(keys.key(pool, name))) for name in sorted_sets
    }


def room(store: Redis, pool: str) -> int:
    """The memory of all the pool's keys (bytes)."""
    return sum(
        int(store.memory_usage(key, samples=0) or 0)
        for name in keys.LEDGER_KEYS
        if store.exists(key := keys.key(pool, name))
    )


@pytest.mark.timeout(300)
async def test_a_million_leases_leave_nothing_behind(
    new_replica: Callable[..., Replica], store: Redis, pool: str
) -> None:
    replica = new_replica()
    await replica.set_policy("groups: {etl: {}}\nfunctions: {load: {groups: [etl]}}")

    async def come_and_go(numbers: range) -> None:
        for first in range(numbers.start, numbers.stop, AT_ONCE):
            ids = [f"{number:036}" for number in range(first, first + AT_ONCE)]
            await replica.exchange(*(Acquire(id_, "load", 60_000) for id_ in ids))
            await replica.exchange(*map(Release, ids))

    await come_and_go(range(40_000))
    room_before = room(store, pool)
    await come_and_go(range(40_000, 1_000_000))
    left = records(store, pool)
    assert left.pop(keys.RELEASED) == 20_000
    assert left.pop(keys.BOOK) == HEAD + 3
    assert left.pop(keys.PEAKS) <= 3
    assert set(left.values()) == {0}
    assert room(store, pool) <= 1.05 * room_before
    assert (await replica.counts())["group:etl"].granted == 1_000_000


async def test_what_expires_leaves_nothing_behind(
    replica: Replica, store: Redis, pool: str, clock: Clock
) -> None:
    await replica.set_policy("functions: {f: {max_concurrency: 1}}")
    await replica.granted("first", "f", ttl_ms=10)
    async with replica.listening():
        for number in range(2000):
            await replica.acquire(f"{number}", "other", ttl_ms=10)
            await replica.acquire(f"waits-{number}", "f", wait_ms=1)
        clock.advance(5000)
        await replica.exchange()
    left = records(store, pool)
    assert left[keys.LEASES] == left[keys.EXPIRIES] == left[keys.QUEUE] == 0


async def test_made_up_function_names_are_forgotten(
    replica: Replica, store: Redis, pool: str, clock: Clock
) -> None:
    await replica.set_policy("functions: {known: {}}")
    await replica.granted("known", "known", ttl_ms=30_000)
    await replica.release("known")
    for first in range(0, 20_000, AT_ONCE):
        names = [f"made-up-{number}" for number in range(first, first + AT_ONCE)]
        await replica.exchange(*(Acquire(name, name, 60_000) for name in names))
        clock.advance(11_000)  # so that they have peaks to remember
        await replica.exchange(*map(Release, names))
    left = records(store, pool)
    assert left[keys.BOOK] <= HEAD + 1000 + len(["account", "function:known"])
    assert left[keys.PEAKS] <= left[keys.BOOK]
    assert left[keys.IDLE] <= 1000
    counts = await replica.counts()
    assert counts["function:known"].granted == 1
    assert counts["account"].granted == 20_001
    assert counts["function:made-up-19999"].granted == 1, "the last ones are still known"


async def test_made_up_names_that_are_denied_are_forgotten_as_well(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.set_policy("account: {max_concurrency: 0}")
    for first in range(0, 5000, AT_ONCE):
        names = [f"made-up-{number}" for number in range(first, first + AT_ONCE)]
        await replica.exchange(*(Acquire(name, name, 60_000) for name in names))
    assert records(store, pool)[keys.BOOK] <= HEAD + 1001


async def test_a_busy_scope_is_not_forgotten(replica: Replica, store: Redis, pool: str) -> None:
    await replica.granted("a", "busy")
    await replica.release("a")
    await replica.granted("b", "busy")
    for first in range(0, 3000, AT_ONCE):
        names = [f"made-up-{number}" for number in range(first, first + AT_ONCE)]
        await replica.exchange(*(Acquire(name, name, 60_000) for name in names))
        await replica.exchange(*map(Release, names))
    assert (await replica.counts())["function:busy"].in_use == 1
    assert records(store, pool)[keys.IDLE] <= 1000


async def test_released_ids_are_forgotten_after_a_minute(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.release("a")
    assert 0 < store.pttl(keys.key(pool, keys.RELEASED)) <= 60_000
