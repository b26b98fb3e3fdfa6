"""Who holds a scope, oldest first, out of any number of leases."""

from governor.ledger.client import SCAN_SIZE
from governor.model import Acquire
from tests.ledger.clock import Clock
from tests.ledger.replica import Replica

MANY = 3 * SCAN_SIZE
"""So many that the search has to let go of some before it has seen all."""

POLICY = """
groups: {g: {}, g2: {}}
functions: {one: {groups: [g], max_concurrency: 1}, two: {groups: {g2: 2}}}
"""


async def held_in(replica: Replica, scope: str | None, most: int = 10) -> list[str]:
    """The ids of who holds `scope`."""
    return [each.id for each in await replica.ledger.holders(scope, most)]


async def test_the_oldest_of_many_are_found(replica: Replica, clock: Clock) -> None:
    for name in ("second", "first"):  # by id where the time is the same
        await replica.granted(name, "api")
    clock.advance(1)
    await replica.exchange(*(Acquire(f"{number}", "api", 60_000) for number in range(MANY)))
    clock.advance(1)
    await replica.granted("0-last", "api")
    assert await held_in(replica, None, 2) == ["first", "second"]
    everybody = await held_in(replica, "account", 2 * MANY)
    assert everybody[:2] == ["first", "second"]
    assert everybody[-1] == "0-last"
    assert len(everybody) == MANY + 3


async def test_only_those_who_hold_the_very_scope_are_found(replica: Replica) -> None:
    await replica.set_policy(POLICY)
    await replica.granted("a", "one")
    await replica.waiting("waits", "one")
    await replica.granted("b", "two")
    await replica.granted("g", "api")
    assert await held_in(replica, "group:g") == ["a"]
    assert await held_in(replica, "group:g2") == ["b"]
    assert await held_in(replica, "function:api") == ["g"]
    assert await held_in(replica, "account") == ["a", "b", "g"]
    assert await held_in(replica, "function:g") == []
