"""The life of a lease: granted, renewed, released, expired, reinstated (rules 3 to 6)."""

from collections.abc import Callable

import pytest
from redis import Redis

from governor.ledger.keys import pool_keys
from governor.model import Granted, Lease, Release, Released, Renew, Renewed, ScopeCount
from tests.ledger.clock import SOME_DAY_MS, Clock
from tests.ledger.replica import Replica

ONE = "functions: {api: {max_concurrency: 1}}"


async def test_a_lease_says_who_holds_what_since_when(replica: Replica) -> None:
    await replica.set_policy("groups: {db: {}}\nfunctions: {api: {groups: {db: 2}}}")
    granted = await replica.granted("a", "api", ttl_ms=500)
    scopes = ("function:api", "group:db", "account")
    assert granted == Granted("a", "api", scopes, SOME_DAY_MS + 500)
    weights = {"function:api": 1, "group:db": 2, "account": 1}
    held = Lease("a", "api", SOME_DAY_MS, SOME_DAY_MS + 500, overrun=False, weights=weights)
    assert await replica.leases() == {"a": held}


async def test_acquiring_a_live_id_again_counts_nothing_twice(
    replica: Replica, clock: Clock
) -> None:
    await replica.set_policy(ONE)
    first = await replica.granted("a", "api")
    clock.advance(10)
    again = await replica.granted("a", "api", ttl_ms=999_999)
    assert again == Granted("a", "api", first.scopes, first.expires_at_ms, replayed=True)
    assert (await replica.counts())["function:api"] == ScopeCount(1, 1, granted=1)


async def test_an_id_keeps_its_function(replica: Replica) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api")
    assert (await replica.granted("a", "another")).function == "api"
    assert "function:another" not in await replica.counts()


async def test_release_is_idempotent(replica: Replica) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api")
    assert await replica.release("a") == Released("api")
    assert await replica.release("a") == Released(None)
    assert await replica.in_use("function:api") == 0
    assert await replica.release("never-heard-of") == Released(None)


async def test_release_needs_no_policy(replica: Replica) -> None:
    exchange = await replica.ledger.exchange(replica.policies.resolver, [Release("a")])
    assert exchange is not None
    assert exchange.answers == [Released(None)]


async def test_a_lease_counts_until_its_last_millisecond(replica: Replica, clock: Clock) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api", ttl_ms=100)
    clock.advance(99)
    await replica.denied("b", "api")
    clock.advance(1)
    await replica.granted("b", "api")
    assert set(await replica.leases()) == {"b"}


async def test_expiry_is_counted_and_told(replica: Replica, clock: Clock) -> None:
    await replica.set_policy("groups: {db: {}}\nfunctions: {api: {groups: [db]}}")
    for id_ in ("a", "b"):
        await replica.granted(id_, "api", ttl_ms=100)
    await replica.granted("c", "other", ttl_ms=101)
    clock.advance(100)
    swept = await replica.exchange()
    assert (swept.expired, swept.next_end_ms) == ({"api": 2}, SOME_DAY_MS + 101)
    counts = await replica.counts()
    assert counts["group:db"] == ScopeCount(0, 2, granted=2, expired=2)
    assert (counts["account"].in_use, counts["account"].expired) == (1, 2)


async def test_the_next_end_is_known_so_that_nothing_has_to_be_polled(replica: Replica) -> None:
    await replica.set_policy(ONE)
    assert (await replica.exchange()).next_end_ms is None
    await replica.granted("a", "other", ttl_ms=900)
    await replica.granted("b", "other", ttl_ms=700)
    assert (await replica.exchange()).next_end_ms == SOME_DAY_MS + 700


async def test_many_leases_expire_at_once(replica: Replica, clock: Clock) -> None:
    await replica.set_policy(ONE)
    for number in range(3000):
        await replica.granted(f"{number}", "other", ttl_ms=100 + number % 7)
    clock.advance(200)
    assert (await replica.exchange()).expired == {"other": 3000}
    assert await replica.leases() == {}
    assert await replica.in_use("account") == 0


async def test_a_released_lease_does_not_expire_as_well(replica: Replica, clock: Clock) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api", ttl_ms=100)
    await replica.release("a")
    clock.advance(100)
    assert (await replica.counts())["function:api"] == ScopeCount(0, 1, granted=1)


async def test_renewing_extends(replica: Replica, clock: Clock) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api", ttl_ms=100)
    clock.advance(60)
    assert await replica.renew("a", "api", ttl_ms=100) == Renewed(SOME_DAY_MS + 160)
    clock.advance(99)
    await replica.denied("b", "api")
    clock.advance(1)
    await replica.granted("b", "api")


async def test_renewing_never_shortens(replica: Replica, clock: Clock) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api", ttl_ms=1000)
    assert await replica.renew("a", "api", ttl_ms=10) == Renewed(SOME_DAY_MS + 1000)
    clock.advance(999)
    await replica.denied("b", "api")


async def test_renewing_counts_nothing(replica: Replica) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api")
    before = await replica.counts()
    await replica.renew("a", "api")
    assert await replica.counts() == before


async def test_a_renewal_after_expiry_reinstates_an_overrun(replica: Replica, clock: Clock) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api", ttl_ms=100)
    clock.advance(100)
    await replica.granted("b", "api")
    assert await replica.renew("a", "api", ttl_ms=100) == Renewed(
        SOME_DAY_MS + 200, reinstated=True
    )
    leases = await replica.leases()
    assert (leases["a"].overrun, leases["b"].overrun) == (True, False)
    assert (await replica.counts())["function:api"] == ScopeCount(
        in_use=2, peak=2, granted=2, expired=1, overruns=1
    )
    await replica.release("b")
    await replica.denied("c", "api")


async def test_a_renewal_after_data_loss_reinstates_with_the_policys_weights(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.set_policy(
        "groups: {db: {max_concurrency: 2}}\nfunctions: {api: {groups: {db: 2}}}"
    )
    await replica.granted("a", "api")
    store.delete(*pool_keys(pool))
    assert (await replica.renew("a", "api")).reinstated
    assert await replica.in_use("group:db") == 2
    await replica.denied("b", "api")
    await replica.release("a")
    assert await replica.in_use("group:db") == 0


async def test_a_renewal_does_not_bring_a_released_lease_back(
    replica: Replica, clock: Clock
) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api")
    await replica.release("a")
    clock.advance(5)
    assert await replica.renew("a", "api") == Renewed(SOME_DAY_MS + 5)
    assert await replica.leases() == {}


async def test_a_renewal_does_not_bring_back_what_was_released_after_data_loss(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api")
    store.delete(*pool_keys(pool))
    assert await replica.release("a") == Released(None)
    assert not (await replica.renew("a", "api")).reinstated
    assert await replica.leases() == {}


@pytest.mark.parametrize("release_first", [True, False])
async def test_a_renewal_and_a_release_in_one_exchange(
    replica: Replica, *, release_first: bool
) -> None:
    await replica.set_policy(ONE)
    await replica.granted("a", "api")
    both = [Release("a"), Renew("a", "api", 1000)]
    await replica.exchange(*(both if release_first else reversed(both)))
    assert await replica.leases() == {}


async def test_the_stores_clock_rules(new_replica: Callable[..., Replica], store: Redis) -> None:
    replica = new_replica()
    await replica.set_policy(ONE)
    granted = await replica.granted("a", "api", ttl_ms=30_000)
    seconds, microseconds = store.time()
    now_ms = int(seconds) * 1000 + int(microseconds) // 1000
    assert now_ms <= granted.expires_at_ms <= now_ms + 30_000


async def test_all_leases_are_listed_however_many(new_replica: Callable[..., Replica]) -> None:
    replica = new_replica()
    await replica.set_policy("account: {}")
    for number in range(2500):
        await replica.granted(f"{number}", "api")
    assert len(await replica.leases()) == 2500
