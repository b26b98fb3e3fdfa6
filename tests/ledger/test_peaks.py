"""The peak of the last hour, in steps of 10 s (rule 14)."""

import pytest
from redis import Redis

from governor.ledger import keys
from tests.ledger.clock import Clock
from tests.ledger.replica import Replica

BUCKET_MS = 10_000
HOUR_MS = 3_600_000


async def burst(replica: Replica, size: int) -> None:
    """Hold `size` leases of the function f for no time."""
    for number in range(size):
        await replica.granted(f"{number}", "f")
    for number in range(size):
        await replica.release(f"{number}")


async def peak(replica: Replica) -> int:
    """The peak of the function f."""
    return (await replica.counts())["function:f"].peak


@pytest.fixture(autouse=True)
async def policy(replica: Replica) -> None:
    """The policy names f."""
    await replica.set_policy("functions: {f: {}}")


async def test_a_peak_is_remembered_for_an_hour(replica: Replica, clock: Clock) -> None:
    await burst(replica, 3)
    assert await peak(replica) == 3
    clock.advance(HOUR_MS - BUCKET_MS)
    assert await peak(replica) == 3
    clock.advance(BUCKET_MS)
    assert await peak(replica) == 0


async def test_a_lower_peak_shows_when_the_higher_is_an_hour_old(
    replica: Replica, clock: Clock
) -> None:
    for size in (5, 2, 4, 1):
        await burst(replica, size)
        clock.advance(10 * BUCKET_MS)
    clock.advance(HOUR_MS - 41 * BUCKET_MS)
    seen = []
    for _ in range(5):
        seen.append(await peak(replica))
        clock.advance(10 * BUCKET_MS)
    assert seen == [5, 4, 4, 1, 0]


async def test_what_is_held_all_the_time_is_the_peak_of_every_bucket(
    replica: Replica, clock: Clock
) -> None:
    await replica.granted("a", "f", ttl_ms=1_200_000)
    clock.advance(1_000_000)
    await replica.release("a")
    clock.advance(HOUR_MS - BUCKET_MS)
    assert await peak(replica) == 1
    clock.advance(BUCKET_MS)
    assert await peak(replica) == 0


async def test_a_scope_that_rests_for_hours_peaks_at_what_it_holds(
    replica: Replica, clock: Clock
) -> None:
    await burst(replica, 4)
    await replica.granted("a", "f", ttl_ms=1_200_000)
    for _ in range(9):
        clock.advance(1_000_000)
        await replica.renew("a", "f", ttl_ms=1_200_000)
    assert await peak(replica) == 1


async def test_peaks_take_no_more_room_with_time(
    replica: Replica, clock: Clock, store: Redis, pool: str
) -> None:
    peaks_key = keys.key(pool, keys.PEAKS)

    async def room_after_hours(hours: int) -> int:
        for bucket in range(hours * HOUR_MS // BUCKET_MS):
            await burst(replica, 1 + bucket % 3)
            clock.advance(BUCKET_MS)
        return store.hstrlen(peaks_key, "function:f")

    after_an_hour = await room_after_hours(1)
    assert await room_after_hours(2) <= 1.1 * after_an_hour < 8000
