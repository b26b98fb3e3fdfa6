"""Who is granted and who is denied: the limits of every scope (rules 1, 2, 7 to 11 and 13)."""

import asyncio
import random
from collections.abc import Callable

import pytest

from governor.model import Denied, Granted, Limits, ScopeCount
from tests.ledger.replica import Replica, expect

ETL = """
groups: {etl: {max_concurrency: 2}}
functions: {load: {groups: [etl]}, clean: {groups: [etl]}}
"""


async def test_a_scope_is_filled_to_its_limit_and_not_beyond(replica: Replica) -> None:
    await replica.set_policy("functions: {api: {max_concurrency: 2}}")
    await replica.granted("a", "api")
    await replica.granted("b", "api")
    assert await replica.denied("c", "api") == Denied("function:api", 2, Limits(2))
    await replica.release("a")
    await replica.granted("c", "api")


async def test_a_limit_of_zero_denies_everybody(replica: Replica) -> None:
    await replica.set_policy("functions: {api: {max_concurrency: 0}}")
    assert await replica.denied("a", "api") == Denied("function:api", 0, Limits(0))


async def test_a_group_is_shared_by_its_functions(replica: Replica) -> None:
    await replica.set_policy(ETL)
    granted = await replica.granted("a", "load")
    assert granted.scopes == ("function:load", "group:etl", "account")
    await replica.granted("b", "clean")
    assert (await replica.denied("c", "load")).denied_by == "group:etl"
    assert (await replica.denied("c", "clean")).denied_by == "group:etl"


async def test_a_denial_takes_nothing_anywhere(replica: Replica) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 1}\n"
        "groups: {etl: {max_concurrency: 9}}\n"
        "functions: {load: {groups: [etl], max_concurrency: 9}}"
    )
    await replica.granted("a", "load")
    before = await replica.counts()
    assert (await replica.denied("b", "load")).denied_by == "account"
    after = await replica.counts()
    assert after.pop("account").denied == before.pop("account").denied + 1
    assert after == before
    assert set(await replica.leases()) == {"a"}


@pytest.mark.parametrize(("room", "answer"), [(4, Denied), (5, Granted)])
async def test_a_weight_counts_in_its_group_only(replica: Replica, room: int, answer: type) -> None:
    await replica.set_policy(
        f"groups: {{db: {{max_concurrency: {5 + room}}}}}\n"
        "functions: {load: {groups: {db: 5}, max_concurrency: 2}}"
    )
    await replica.granted("a", "load")
    counts = await replica.counts()
    assert counts["group:db"].in_use == 5
    assert counts["function:load"].in_use == counts["account"].in_use == 1
    assert isinstance(await replica.acquire("b", "load"), answer)


async def test_only_users_may_take_the_headroom(replica: Replica) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 3, headroom: 1}\nfunctions: {batch: {priority: background}}"
    )
    await replica.granted("a", "batch")
    await replica.granted("b", "batch")
    assert await replica.denied("c", "batch") == Denied("account", 2, Limits(3, 1))
    await replica.granted("d", "api")
    assert (await replica.denied("e", "api")).denied_by == "account"


async def test_a_headroom_of_everything_leaves_background_nothing(
    replica: Replica,
) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 2, headroom: 2}\nfunctions: {batch: {priority: background}}"
    )
    assert (await replica.denied("a", "batch")).denied_by == "account"
    await replica.granted("b", "api")


async def test_an_unknown_function_counts_in_its_own_scope_and_the_account(
    replica: Replica,
) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 2, headroom: 1}\ndefaults: {priority: background}"
    )
    granted = await replica.granted("a", "never-heard-of")
    assert granted.scopes == ("function:never-heard-of", "account")
    denied = await replica.denied("b", "another")
    assert denied.denied_by == "account", "the default priority keeps it off the headroom"


async def test_what_has_reserved_concurrency_stays_out_of_the_account(replica: Replica) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 1}\n"
        "groups: {etl: {}}\n"
        "functions: {own: {shared: false, groups: [etl]}}"
    )
    assert (await replica.granted("a", "own")).scopes == ("function:own", "group:etl")
    await replica.granted("b", "own")
    await replica.granted("c", "api")
    assert await replica.in_use("account") == 1


async def test_a_shadow_counts_and_reports_but_never_denies(replica: Replica) -> None:
    await replica.set_policy("functions: {api: {max_concurrency: 1, mode: shadow}}")
    assert (await replica.granted("a", "api")).shadow_denied_by is None
    over = await replica.granted("b", "api")
    assert (over.shadow_denied_by, over.overrun) == ("function:api", False)
    count = (await replica.counts())["function:api"]
    assert count == ScopeCount(in_use=2, peak=2, granted=2, shadow_denied=1)


async def test_a_shadow_does_not_hide_a_limit_that_is_enforced(replica: Replica) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 1}\nfunctions: {api: {max_concurrency: 0, mode: shadow}}"
    )
    assert (await replica.granted("a", "api")).shadow_denied_by == "function:api"
    assert (await replica.denied("b", "api")).denied_by == "account"


async def test_the_last_attempt_is_granted_above_the_limit(replica: Replica) -> None:
    await replica.set_policy("functions: {load: {max_concurrency: 1, max_attempts: 3}}")
    await replica.granted("a", "load")
    expect(Denied, await replica.acquire("b", "load", attempt=2))
    assert expect(Granted, await replica.acquire("b", "load", attempt=3)).overrun
    assert expect(Granted, await replica.acquire("c", "load", attempt=4)).overrun
    count = (await replica.counts())["function:load"]
    assert (count.in_use, count.overruns, count.denied) == (3, 2, 1)


async def test_a_last_attempt_with_room_is_no_overrun(replica: Replica) -> None:
    await replica.set_policy("functions: {load: {max_concurrency: 1, max_attempts: 1}}")
    assert not expect(Granted, await replica.acquire("a", "load", attempt=1)).overrun


async def test_a_lowered_limit_evicts_nobody_and_drains(replica: Replica) -> None:
    await replica.set_policy(ETL)
    await replica.granted("a", "load")
    await replica.granted("b", "load")
    await replica.edit_group("etl", max_concurrency=1)
    assert set(await replica.leases()) == {"a", "b"}
    await replica.denied("c", "load")
    await replica.release("a")
    await replica.denied("c", "load")
    await replica.release("b")
    await replica.granted("c", "load")


async def test_a_lease_is_given_back_where_and_as_it_was_taken(replica: Replica) -> None:
    await replica.set_policy("groups: {old: {}, new: {}}\nfunctions: {load: {groups: {old: 3}}}")
    await replica.granted("a", "load")
    await replica.granted("b", "load")
    await replica.set_policy(
        "groups: {old: {}, new: {}}\nfunctions: {load: {groups: {new: 2}, shared: false}}"
    )
    await replica.granted("c", "load")
    counts = await replica.counts()
    assert (counts["group:old"].in_use, counts["group:new"].in_use) == (6, 2)
    await replica.release("a")
    counts = await replica.counts()
    assert (counts["group:old"].in_use, counts["group:new"].in_use) == (3, 2)
    await replica.release("b")
    await replica.release("c")
    assert {count.in_use for count in (await replica.counts()).values()} == {0}


async def test_duplicates_that_race_get_one_lease(new_replica: Callable[..., Replica]) -> None:
    replicas = [new_replica() for _ in range(5)]
    await replicas[0].set_policy("functions: {api: {max_concurrency: 1}}")
    answers = await asyncio.gather(
        *(each.granted("same", "api") for each in replicas for _ in range(10))
    )
    assert sorted(answer.replayed for answer in answers) == [False] + 49 * [True]
    assert len({answer.expires_at_ms for answer in answers}) == 1
    assert (await replicas[0].counts())["function:api"] == ScopeCount(1, 1, granted=1)


async def test_a_limit_holds_whatever_the_number_of_clients(
    new_replica: Callable[..., Replica],
) -> None:
    replicas = [new_replica() for _ in range(4)]
    await replicas[0].set_policy(
        "groups: {etl: {max_concurrency: 7}}\nfunctions: {load: {groups: {etl: 2}}}"
    )
    outcomes: list[type] = []

    async def invoke(number: int) -> None:
        replica, lease = random.choice(replicas), f"lease-{number}"
        answer = await replica.acquire(lease, "load")
        outcomes.append(type(answer))
        if isinstance(answer, Granted):
            await replica.release(lease)

    await asyncio.gather(*map(invoke, range(400)))
    count = (await replicas[0].counts())["group:etl"]
    assert (count.in_use, count.overruns) == (0, 0)
    assert 2 <= count.peak <= 6
    assert (count.granted, count.denied) == (outcomes.count(Granted), outcomes.count(Denied))
