"""Tags that change in the real ledger: what runs stays where it is, what comes goes by them."""

from collections.abc import Callable

from redis import Redis

from governor.facts import STACK, Facts, Tags, packed
from governor.ledger.keys import pool_keys
from governor.model import Denied
from tests.ledger.replica import Replica

POLICY = """
groups:
  etl: {max_concurrency: 1, members: {tags: {pipeline: etl, stage: prod}}}
  shop: {max_concurrency: 5, members: {stack: shop}}
"""
ETL = {"load": {"pipeline": "etl", "stage": "prod"}}


async def learn(replica: Replica, tags: Tags) -> None:
    """Have the pool go by `tags`."""
    await replica.policies.learn(lambda _: Facts(tags=packed(tags)))


async def groups_in_use(replica: Replica) -> tuple[int, int]:
    """What runs in the groups etl and shop."""
    return await replica.in_use("group:etl"), await replica.in_use("group:shop")


async def test_a_moved_tag_moves_the_function_and_leaves_what_runs(
    new_replica: Callable[..., Replica],
) -> None:
    one, another = new_replica(), new_replica()
    await one.set_policy(POLICY)
    await learn(one, ETL)
    await another.granted("a", "load")
    assert isinstance(await another.acquire("b", "load"), Denied)
    await learn(one, {"load": {STACK: "shop"}})
    granted = await another.granted("b", "load")
    assert granted.scopes == ("function:load", "group:shop", "account")
    assert await groups_in_use(one) == (1, 1)
    await another.release("a")
    assert await groups_in_use(one) == (0, 1)
    await learn(one, {})
    assert (await another.granted("c", "load")).scopes == ("function:load", "account")
    await another.release("b")
    assert await groups_in_use(one) == (0, 0)
    assert await one.in_use("account") == 1


async def test_a_policy_goes_by_the_known_tags_at_once(replica: Replica) -> None:
    await replica.set_policy("{}")
    await learn(replica, ETL)
    await replica.granted("a", "load")
    await replica.set_policy(POLICY)
    await replica.granted("b", "load")
    denied = await replica.denied("c", "load")
    assert denied.denied_by == "group:etl"


async def test_a_wish_that_goes_takes_its_scope_along(replica: Replica) -> None:
    await replica.set_policy("tags: trusted")
    await learn(replica, {"load": {"governor:max-concurrency": "1"}})
    await replica.granted("a", "load")
    await replica.denied("b", "load")
    await learn(replica, {})
    await replica.granted("b", "load")
    await replica.release("a")
    await replica.release("b")
    await learn(replica, {"load": {"governor:max-concurrency": "3"}})
    await learn(replica, {})
    assert "function:load" not in await replica.counts()


async def test_a_store_that_lost_everything_gets_the_tags_back(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.set_policy(POLICY)
    await learn(replica, ETL)
    store.delete(*pool_keys(pool))
    granted = await replica.granted("a", "load")
    assert "group:etl" in granted.scopes


async def test_ten_thousand_functions(new_replica: Callable[..., Replica]) -> None:
    one, another = new_replica(), new_replica()
    tags = {
        f"function-{number}": {f"key-{n}": f"{number % (n + 7)}" for n in range(8)}
        for number in range(10_000)
    }
    await one.set_policy("groups: {odd: {max_concurrency: 1, members: {tags: {key-0: '3'}}}}")
    await learn(one, tags)
    await another.granted("a", "function-3")
    await another.denied("b", "function-10")
    await another.granted("c", "function-11")
