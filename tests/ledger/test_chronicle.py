"""The chronicle: samples of the last hour, its peaks, and who was denied by whom."""

from collections.abc import Iterator
from itertools import groupby

import pytest
from redis import Redis

from governor.ledger import keys
from governor.ledger.chronicle_store import ChronicleStore, DenialCount, Sample
from tests.ledger.clock import Clock
from tests.ledger.replica import Replica

BUCKET_MS = 10_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000


@pytest.fixture
def chronicle(replica: Replica) -> ChronicleStore:
    """The replica's access to the chronicle of its pool."""
    return ChronicleStore(replica.ledger.store)


def sample(now_ms: int, user_facing: int = 0) -> Sample:
    """A sample that is taken now."""
    return Sample(now_ms // BUCKET_MS, now_ms, user_facing, 0, None, 0)


def runs(peaks: list[int]) -> Iterator[tuple[int, int]]:
    """Each peak in its turn, and for how many steps it holds."""
    return ((peak, len(list(run))) for peak, run in groupby(peaks))


async def test_a_step_has_the_first_sample_that_is_noted(
    chronicle: ChronicleStore, clock: Clock
) -> None:
    assert await chronicle.sampled_bucket() == 0
    assert await chronicle.note(sample(clock.now_ms, 1))
    clock.advance(BUCKET_MS - 1)
    assert not await chronicle.note(sample(clock.now_ms, 2))
    assert not await chronicle.note(sample(clock.now_ms - BUCKET_MS, 3))
    clock.advance(1)
    assert await chronicle.note(sample(clock.now_ms, 4))
    assert [each.user_facing for each in await chronicle.samples(clock.now_ms)] == [1, 4]
    assert await chronicle.sampled_bucket() == clock.now_ms // BUCKET_MS


async def test_samples_are_those_of_an_hour(
    chronicle: ChronicleStore, clock: Clock, store: Redis, pool: str
) -> None:
    for number in range(400):
        assert await chronicle.note(sample(clock.now_ms, number))
        clock.advance(BUCKET_MS)
    last_ms = clock.now_ms - BUCKET_MS
    assert store.llen(keys.key(pool, keys.SAMPLES)) == 360
    samples = await chronicle.samples(last_ms)
    assert [each.user_facing for each in samples] == [*range(40, 400)]
    assert [each.user_facing for each in await chronicle.samples(last_ms + HOUR_MS // 2)] == [
        *range(220, 400)
    ]
    assert await chronicle.samples(last_ms + HOUR_MS) == []


async def test_the_peaks_of_an_hour_by_step(
    chronicle: ChronicleStore, replica: Replica, clock: Clock
) -> None:
    assert [*runs(await chronicle.peaks("function:f", clock.now_ms))] == [(0, 360)]
    for number in range(5):
        await replica.granted(f"{number}", "f")
    for number in range(3):
        await replica.release(f"{number}")
    clock.advance(4 * BUCKET_MS)
    await replica.granted("last", "f", ttl_ms=1_000_000)
    assert [*runs(await chronicle.peaks("function:f", clock.now_ms))] == [
        (0, 355),
        (5, 1),
        (2, 3),
        (3, 1),
    ]
    clock.advance(10 * BUCKET_MS)
    await replica.exchange()  # the two have expired
    assert [*runs(await chronicle.peaks("function:f", clock.now_ms))] == [
        (0, 345),
        (5, 1),
        (2, 3),
        (3, 11),
    ]
    assert (await chronicle.peaks("account", clock.now_ms))[-1] == 3


async def test_denials_add_up_over_processes_and_minutes(
    chronicle: ChronicleStore, clock: Clock
) -> None:
    minute = clock.now_ms // MINUTE_MS
    await chronicle.tell([DenialCount("group:g", "f", 2, 0), DenialCount("account", "f", 0, 5)])
    await chronicle.tell([DenialCount("group:g", "f", 1, 0), DenialCount("group:g", "h", 0, 1)])
    clock.advance(MINUTE_MS)
    await chronicle.tell([DenialCount("group:g", "f", 7, 0)])
    found = await chronicle.denials(clock.now_ms)
    assert sorted(found, key=str) == [
        DenialCount("account", "f", 0, 5, minute),
        DenialCount("group:g", "f", 3, 0, minute),
        DenialCount("group:g", "f", 7, 0, minute + 1),
        DenialCount("group:g", "h", 0, 1, minute),
    ]


async def test_denials_are_forgotten_after_an_hour(
    chronicle: ChronicleStore, clock: Clock, store: Redis, pool: str
) -> None:
    for _ in range(70):
        await chronicle.tell([DenialCount("account", "f", 1, 0)])
        clock.advance(MINUTE_MS)
    assert store.hlen(keys.key(pool, keys.DENIALS)) == 60
    assert len(await chronicle.denials(clock.now_ms - MINUTE_MS)) == 60
    assert len(await chronicle.denials(clock.now_ms)) == 59, "the first minute is an hour ago"


async def test_too_many_names_become_one(chronicle: ChronicleStore, clock: Clock) -> None:
    for first in range(0, 3000, 500):
        names = range(first, first + 500)
        await chronicle.tell([DenialCount("account", f"made-up-{each}", 1, 0) for each in names])
    found = await chronicle.denials(clock.now_ms)
    assert len(found) == 1001
    assert sum(each.denied for each in found) == 3000
    assert [each.denied for each in found if each.function is None] == [2000]
