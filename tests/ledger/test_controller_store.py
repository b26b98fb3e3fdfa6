"""Who leads the controllers of a pool, and what only the leader writes."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from redis import Redis

from governor.errors import StoreUnavailableError
from governor.ledger.controller_store import ControllerStore, Standing
from governor.ledger.keys import CONTROLLER, key
from tests.ledger.clock import SOME_DAY_MS, Clock
from tests.ledger.replica import Replica
from tests.stores import Server

TTL_MS = 8_000


@pytest.fixture
def shared(replica: Replica) -> ControllerStore:
    """What the controllers share, on the test's `clock`."""
    return ControllerStore(replica.ledger.store)


async def term(shared: ControllerStore, id_: str, *, depose: bool = False) -> int | None:
    """The term in which `id_` leads when it has asked, None if another one does."""
    return (await shared.lead(id_, TTL_MS, depose=depose)).term


async def test_there_is_one_leader(shared: ControllerStore) -> None:
    assert await term(shared, "one") == 1
    assert await term(shared, "another") is None


async def test_of_many_who_want_to_lead_one_does(new_replica: Callable[..., Replica]) -> None:
    stores = [ControllerStore(new_replica().ledger.store) for _ in range(4)]
    terms = await asyncio.gather(*(term(stores[n % 4], f"id-{n}") for n in range(20)))
    assert sorted(terms, key=str) == [1] + [None] * 19


async def test_a_leader_that_renews_stays_in_its_term(
    shared: ControllerStore, clock: Clock
) -> None:
    for _ in range(5):
        assert await term(shared, "one") == 1
        clock.advance(TTL_MS - 1)
        assert await term(shared, "another") is None


async def test_a_leader_that_lapsed_is_followed(shared: ControllerStore, clock: Clock) -> None:
    assert await term(shared, "one") == 1
    clock.advance(TTL_MS)
    assert await term(shared, "another") == 2
    assert await term(shared, "one") is None


async def test_who_lapsed_and_leads_again_is_in_another_term(
    shared: ControllerStore, clock: Clock
) -> None:
    assert await term(shared, "one") == 1
    clock.advance(TTL_MS)
    assert not await shared.record("one", 1, status=b"late")
    assert await term(shared, "one") == 2


async def test_who_resigns_is_followed_at_once(shared: ControllerStore) -> None:
    assert await term(shared, "one") == 1
    await shared.resign("another", 1)
    await shared.resign("one", 7)
    assert await term(shared, "another") is None
    await shared.resign("one", 1)
    assert await term(shared, "another") == 2


async def test_a_leader_can_be_deposed(shared: ControllerStore) -> None:
    assert await term(shared, "one") == 1
    assert await term(shared, "another", depose=True) == 2
    assert await term(shared, "one") is None
    assert not await shared.record("one", 1, memory=b"old")
    assert await term(shared, "another", depose=True) == 2


async def test_only_the_leader_writes_and_only_in_its_term(
    shared: ControllerStore, clock: Clock
) -> None:
    assert await shared.documents() == (None, None)
    assert not await shared.record("one", 1, memory=b"nobody leads")
    await term(shared, "one")
    assert await shared.record("one", 1, memory=b"first", status=b"seen")
    assert await shared.record("one", 1, status=b"seen again")
    assert not await shared.record("another", 1, memory=b"not the leader")
    assert not await shared.record("one", 2, memory=b"not the term")
    clock.advance(TTL_MS)
    assert not await shared.record("one", 1, memory=b"lapsed")
    assert await shared.documents() == (b"first", b"seen again")
    assert (await shared.standing(clock.now_ms)).status == b"seen again"


async def test_standing_is_by_the_stores_clock(shared: ControllerStore, clock: Clock) -> None:
    assert await shared.standing(clock.now_ms) == Standing(None, paused=False, status=None)
    reign = await shared.lead("one", TTL_MS)
    assert reign.now_ms == SOME_DAY_MS
    assert (await shared.standing(SOME_DAY_MS + TTL_MS - 1)).leader == "one"
    assert (await shared.standing(SOME_DAY_MS + TTL_MS)).leader is None


async def test_pausing_is_told_with_the_next_renewal(shared: ControllerStore, clock: Clock) -> None:
    assert not (await shared.lead("one", TTL_MS)).paused
    await shared.pause()
    assert (await shared.lead("one", TTL_MS)).paused
    assert (await shared.lead("another", TTL_MS)).paused
    assert (await shared.standing(clock.now_ms)).paused
    await shared.resume()
    assert not (await shared.lead("one", TTL_MS)).paused


async def test_a_store_that_lost_everything_begins_anew(
    shared: ControllerStore, store: Redis, pool: str
) -> None:
    for expected in (1, 2):
        assert await term(shared, f"{expected}", depose=True) == expected
    store.delete(key(pool, CONTROLLER))
    assert await term(shared, "another") == 1
    assert not await shared.record("2", 1, memory=b"of another leader")


async def test_leading_counts_in_no_scope(replica: Replica, shared: ControllerStore) -> None:
    await replica.set_policy("account: {max_concurrency: 1}")
    await term(shared, "one")
    assert await replica.counts() == {}
    await replica.granted("a", "f")
    assert set(await replica.leases()) == {"a"}


async def test_a_lost_store_is_said_at_once(server: Server) -> None:
    async with Replica(server.url, "pool") as replica:
        shared = ControllerStore(replica.ledger.store)
        await term(shared, "one")
        server.kill()
        for call in (shared.pause(), shared.documents(), shared.lead("one", TTL_MS)):
            with pytest.raises(StoreUnavailableError):
                await call
        server.restart()
        await replica.back()
        assert await term(shared, "another") == 1


@pytest.fixture
async def clustered(cluster_url: str, pool: str) -> AsyncIterator[ControllerStore]:
    """What the controllers share in a cluster."""
    async with Replica(cluster_url, pool) as replica:
        yield ControllerStore(replica.ledger.store)


async def test_a_cluster_will_do(clustered: ControllerStore) -> None:
    assert await term(clustered, "one") == 1
    assert await term(clustered, "another") is None
    assert await clustered.record("one", 1, memory=b"kept")
    assert await clustered.documents() == (b"kept", None)
    await clustered.pause()
    assert (await clustered.standing(0)).paused
    await clustered.resume()
    await clustered.resign("one", 1)
    assert await term(clustered, "another") == 2
