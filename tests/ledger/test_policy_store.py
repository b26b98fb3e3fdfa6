"""The policy as several replicas share it: read when it changed, changed by compare-and-set."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from redis import Redis

from governor.errors import InvalidInputError
from governor.facts import Facts
from governor.ledger.keys import BOOK, POLICY, key, pool_keys
from governor.ledger.policy_store import Edit, PolicyStore
from governor.model import Acquire, Granted
from governor.policy import Function, Policy, parse_yaml
from governor.resolver import Resolver
from tests.ledger.replica import Replica

ONE = parse_yaml("functions: {api: {max_concurrency: 1}}")
TWO = parse_yaml("functions: {api: {max_concurrency: 2}}")


def naming(name: str) -> Edit:
    """An edit that adds the function `name`."""

    def edit(rules: Resolver) -> Policy:
        functions = {**rules.policy.functions, name: Function()}
        return msgspec.structs.replace(rules.policy, functions=functions)

    return edit


async def test_a_new_pool_gets_the_empty_policy(replica: Replica) -> None:
    assert await replica.ledger.read_policy() is None
    assert await replica.policies.refresh() == Policy()
    assert await replica.ledger.read_version() == Resolver(Policy()).version


async def test_a_change_holds_for_the_next_exchange_of_every_replica(
    new_replica: Callable[..., Replica],
) -> None:
    one, another = new_replica(), new_replica()
    await one.set_policy(ONE)
    await another.granted("a", "api")
    await another.denied("b", "api")
    refreshed = another.refreshed
    await one.set_policy(TWO)
    await another.granted("b", "api")
    assert another.refreshed == refreshed + 1


@pytest.mark.parametrize(("lost", "left"), [(BOOK, ONE), (POLICY, Policy())])
async def test_a_store_that_lost_half_of_the_policy_has_a_whole_one_again(
    new_replica: Callable[..., Replica], store: Redis, pool: str, lost: str, left: Policy
) -> None:
    await new_replica().set_policy(ONE)
    store.delete(key(pool, lost))
    newcomer = new_replica()
    assert await newcomer.policies.refresh() == left
    await newcomer.granted("a", "api")
    stored = await newcomer.ledger.read_policy()
    assert stored is not None
    assert stored.document == left.document


async def test_an_exchange_under_an_old_policy_does_nothing(
    new_replica: Callable[..., Replica],
) -> None:
    one, another = new_replica(), new_replica()
    await one.set_policy(ONE)
    await another.policies.refresh()
    await one.set_policy(TWO)
    acquire = Acquire("a", "api", 1000)
    assert await another.ledger.exchange(another.policies.resolver, [acquire]) is None
    assert await one.leases() == {}


async def test_a_change_is_based_on_what_stands(new_replica: Callable[..., Replica]) -> None:
    one, another = new_replica(), new_replica()
    await one.set_policy(ONE)
    await another.policies.refresh()
    await one.set_policy(TWO)
    before, after = await another.policies.change(naming("new"))
    assert before.policy == TWO
    assert after.policy.functions == {**TWO.functions, "new": Function()}
    assert another.policies.resolver is after


async def test_no_change_of_many_at_once_is_lost(new_replica: Callable[..., Replica]) -> None:
    replicas = [new_replica() for _ in range(4)]
    names = [f"function-{number}" for number in range(20)]
    await asyncio.gather(
        *(replicas[n % 4].policies.change(naming(name)) for n, name in enumerate(names))
    )
    assert set((await replicas[0].policies.refresh()).functions) == set(names)


async def test_put_policy_replaces_the_expected_version_only(replica: Replica) -> None:
    assert await replica.ledger.put_policy(None, Resolver(ONE))
    assert not await replica.ledger.put_policy(None, Resolver(TWO))
    assert not await replica.ledger.put_policy(Resolver(TWO).version, Resolver(TWO))
    assert await replica.ledger.read_version() == Resolver(ONE).version
    assert await replica.ledger.put_policy(Resolver(ONE).version, Resolver(TWO))
    assert await replica.ledger.read_version() == Resolver(TWO).version


async def test_an_edit_that_fails_changes_nothing(replica: Replica) -> None:
    def fail(_: Resolver) -> Policy:
        raise InvalidInputError("headroom", "is too much")

    await replica.set_policy(ONE)
    with pytest.raises(InvalidInputError, match="headroom"):
        await replica.policies.change(fail)
    assert await replica.ledger.read_version() == Resolver(ONE).version


async def test_the_stored_policy_is_read_as_it_was_set(
    new_replica: Callable[..., Replica],
) -> None:
    policy = parse_yaml(
        "account: {max_concurrency: 9, headroom: 1, mode: shadow}\n"
        "defaults: {priority: background}\n"
        "groups:\n"
        "  db: {max_concurrency: 3, members: {functions: ['x-*'], tags: {a: b}, stack: s}}\n"
        "functions: {api: {groups: {db: 2}, max_attempts: 4, shared: false}}"
    )
    await new_replica().set_policy(policy)
    assert await new_replica().policies.refresh() == policy


async def test_a_store_that_lost_the_policy_gets_it_back(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.set_policy(ONE)
    store.delete(*pool_keys(pool))
    await replica.granted("a", "api")
    assert await replica.ledger.read_version() == Resolver(ONE).version


async def test_a_file_is_loaded_once(new_replica: Callable[..., Replica]) -> None:
    replica = new_replica()
    assert await replica.policies.load_file(ONE, "digest-1")
    await replica.set_policy(TWO)
    restarted = PolicyStore(new_replica().ledger)
    assert not await restarted.load_file(ONE, "digest-1")
    assert restarted.policy == TWO
    assert await restarted.load_file(ONE, "digest-2")
    assert restarted.policy == ONE


async def test_a_file_that_says_what_stands_already_is_remembered(
    new_replica: Callable[..., Replica],
) -> None:
    replica = new_replica()
    await replica.set_policy(ONE)
    assert await replica.policies.load_file(ONE, "digest")
    await replica.set_policy(TWO)
    assert not await replica.policies.load_file(ONE, "digest")
    assert replica.policies.policy == TWO


async def test_what_the_policy_no_longer_names_is_forgotten_at_once_if_idle(
    replica: Replica,
) -> None:
    await replica.set_policy("groups: {old: {}, busy: {}}\nfunctions: {f: {groups: [old, busy]}}")
    await replica.granted("a", "f")
    await replica.release("a")
    await replica.set_policy("groups: {busy: {}}\nfunctions: {f: {groups: [busy]}}")
    assert set(await replica.counts()) == {"function:f", "group:busy", "account"}
    await replica.granted("b", "f")
    await replica.set_policy("functions: {f: {}}")
    assert (await replica.counts())["group:busy"].in_use == 1
    await replica.release("b")
    assert await replica.in_use("group:busy") == 0


# ------------------------------------------------------------------------------------------ facts


async def test_a_fact_holds_for_the_next_exchange_of_every_replica(
    new_replica: Callable[..., Replica],
) -> None:
    one, another = new_replica(), new_replica()
    await one.set_policy(ONE)
    await another.granted("a", "api")
    await another.denied("b", "api")
    refreshed = another.refreshed
    await one.policies.learn(lambda _: Facts({"api": 3}))
    last = await another.acquire("c", "api", attempt=3)
    assert isinstance(last, Granted)
    assert last.overrun
    assert another.refreshed == refreshed + 1


async def test_facts_and_policy_change_apart(new_replica: Callable[..., Replica]) -> None:
    one, another = new_replica(), new_replica()
    facts = Facts({"api": 3}, frozenset({"own"}))
    await one.policies.learn(lambda _: facts)
    before, after = await another.policies.change(lambda _: TWO)
    assert (before.policy, after.policy) == (Policy(), TWO)
    await one.policies.refresh()
    assert (one.policies.policy, one.policies.resolver.facts) == (TWO, facts)
    before, after = await one.policies.learn(lambda known: known)
    assert after is before


async def test_a_store_that_lost_everything_gets_the_facts_back(
    replica: Replica, store: Redis, pool: str
) -> None:
    await replica.set_policy(ONE)
    await replica.policies.learn(lambda _: Facts({}, frozenset({"api"})))
    store.delete(*pool_keys(pool))
    granted = await replica.granted("a", "api")
    assert granted.scopes == ("function:api",)
