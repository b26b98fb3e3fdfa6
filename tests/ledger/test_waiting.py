"""Waiting for a lease: who is granted what others give back, and when (rule 12)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from redis import Redis

from governor.ledger.client import PolicyChanged, Woken
from governor.ledger.reference import HANDOVER_MS
from governor.model import Acquire, Release, Released, Renewed, ScopeCount, Waiting
from tests.ledger.clock import CLOCKED, SOME_DAY_MS, Clock
from tests.ledger.replica import Inbox, Replica
from tests.stores import wait_until

DB = """
groups: {db: {max_concurrency: 5}}
functions:
  heavy: {groups: {db: 5}}
  light: {groups: [db]}
  batch: {groups: [db], priority: background}
"""


@pytest.fixture(autouse=True)
async def inbox(replica: Replica) -> AsyncIterator[Inbox]:
    """The news of the `replica`, under the policy above."""
    await replica.set_policy(DB)
    async with replica.listening() as inbox:
        yield inbox


async def test_a_lease_given_back_goes_to_who_waits(
    replica: Replica, inbox: Inbox, clock: Clock
) -> None:
    await replica.granted("a", "heavy")
    assert await replica.waiting("b", "heavy") == Waiting("group:db")
    assert set(await replica.leases()) == {"a"}, "who waits holds nothing"
    clock.advance(70)
    await replica.release("a")
    assert await inbox.next() == Woken("b", SOME_DAY_MS + 70 + HANDOVER_MS, None)
    lease = (await replica.leases())["b"]
    assert (lease.acquired_at_ms, lease.overrun) == (SOME_DAY_MS + 70, False)
    counts = await replica.counts()
    assert counts["group:db"] == ScopeCount(in_use=5, peak=5, granted=2)


async def test_an_expired_lease_goes_to_who_waits(
    replica: Replica, inbox: Inbox, clock: Clock
) -> None:
    await replica.granted("a", "heavy", ttl_ms=100)
    await replica.waiting("b", "heavy")
    clock.advance(100)
    await replica.exchange()
    assert await inbox.woken() == "b"


async def test_who_waits_at_one_replica_is_woken_by_another(
    replica: Replica, inbox: Inbox, new_replica: Callable[..., Replica]
) -> None:
    await replica.granted("a", "heavy")
    await replica.waiting("b", "heavy")
    await new_replica(CLOCKED).release("a")
    assert await inbox.woken() == "b"


async def test_first_come_first_served(replica: Replica, inbox: Inbox, clock: Clock) -> None:
    await replica.granted("held", "heavy")
    for id_ in ("c", "a", "b"):
        clock.advance(1)
        await replica.waiting(id_, "light")
    await replica.exchange(*(Acquire(id_, "light", 9999, 1, 9999) for id_ in ("z", "y")))
    await replica.release("held")
    assert [await inbox.woken() for _ in range(5)] == ["c", "a", "b", "z", "y"]


async def test_users_go_before_background(replica: Replica, inbox: Inbox, clock: Clock) -> None:
    await replica.granted("held", "heavy")
    await replica.waiting("background", "batch")
    clock.advance(1)
    await replica.waiting("user", "light")
    await replica.release("held")
    assert [await inbox.woken(), await inbox.woken()] == ["user", "background"]


async def test_only_as_many_are_woken_as_there_is_room_for(
    replica: Replica, inbox: Inbox, clock: Clock
) -> None:
    for number in range(5):
        await replica.granted(f"held-{number}", "light")
    for number in range(4):
        clock.advance(1)
        await replica.waiting(f"{number}", "light")
    await replica.exchange(Release("held-0"), Release("held-1"))
    assert [await inbox.woken(), await inbox.woken()] == ["0", "1"]
    assert await replica.in_use("group:db") == 5


async def test_who_needs_much_is_not_passed_in_the_queue(
    replica: Replica, inbox: Inbox, clock: Clock
) -> None:
    for number in range(5):
        await replica.granted(f"held-{number}", "light")
    await replica.waiting("big", "heavy")
    clock.advance(1)
    await replica.waiting("small", "light")
    for number in range(4):
        await replica.release(f"held-{number}")
    assert set(await replica.leases()) == {"held-4"}
    await replica.release("held-4")
    assert await inbox.woken() == "big"


@pytest.mark.parametrize("patience", ["hangs up", "runs out"])
async def test_when_who_needs_much_gives_up_those_behind_get_the_room(
    replica: Replica, inbox: Inbox, clock: Clock, patience: str
) -> None:
    for number in range(5):
        await replica.granted(f"held-{number}", "light", ttl_ms=600_000)
    await replica.waiting("big", "heavy", wait_ms=1000)
    clock.advance(1)
    await replica.waiting("small", "light", wait_ms=300_000)
    await replica.release("held-0")
    if patience == "hangs up":
        await replica.release("big")
        assert await inbox.next() == Woken("big", None, None)
    else:
        clock.advance(10_000)
        await replica.exchange()
    assert await inbox.woken() == "small"


async def test_who_hangs_up_holds_nothing_afterwards(replica: Replica) -> None:
    await replica.granted("a", "heavy")
    await replica.waiting("b", "heavy")
    assert await replica.release("b") == Released(None)
    await replica.release("a")
    assert await replica.leases() == {}
    assert await replica.in_use("group:db") == 0


async def test_who_was_granted_while_hanging_up_holds_nothing_afterwards(
    replica: Replica, inbox: Inbox
) -> None:
    await replica.granted("a", "heavy")
    await replica.waiting("b", "heavy")
    await replica.release("a")
    assert await inbox.woken() == "b"
    assert await replica.release("b") == Released("heavy")
    assert await replica.leases() == {}


async def test_a_wait_ends_by_itself_when_its_service_died(replica: Replica, clock: Clock) -> None:
    await replica.granted("a", "heavy", ttl_ms=600_000)
    await replica.waiting("b", "heavy", wait_ms=1000)
    clock.advance(10_000)
    swept = await replica.exchange()
    assert (swept.expired, swept.next_end_ms) == ({}, SOME_DAY_MS + 600_000)
    await replica.release("a")
    assert await replica.leases() == {}


async def test_whose_time_is_up_is_granted_nothing_by_the_same_sweep(
    replica: Replica, clock: Clock
) -> None:
    await replica.granted("a", "heavy", ttl_ms=100)
    await replica.waiting("b", "heavy", wait_ms=1000)
    clock.advance(10_000)
    assert (await replica.exchange()).expired == {"heavy": 1}
    assert (await replica.counts())["function:heavy"].granted == 1


async def test_who_is_gone_is_passed_over(  # noqa: PLR0913, PLR0917 - all of them are needed
    replica: Replica,
    inbox: Inbox,
    new_replica: Callable[..., Replica],
    clock: Clock,
    store: Redis,
    pool: str,
) -> None:
    def listeners() -> int:
        return len(store.pubsub_shardchannels(f"{{{pool}}}:worker:*"))

    await replica.granted("a", "heavy")
    doomed = new_replica(CLOCKED)
    async with doomed.listening():
        await doomed.waiting("of-the-dead", "heavy")
    wait_until(lambda: listeners() == 1, "one replica listens")
    clock.advance(1)
    await replica.waiting("b", "heavy")
    await replica.release("a")
    assert await inbox.woken() == "b"
    assert set(await replica.leases()) == {"b"}


async def test_who_waits_by_an_older_policy_must_ask_again(replica: Replica, inbox: Inbox) -> None:
    await replica.granted("a", "light")
    for number in range(4):
        await replica.granted(f"held-{number}", "light")
    await replica.waiting("b", "light")
    await replica.edit_group("db", max_concurrency=4)
    await replica.release("a")
    await replica.waiting("b", "light")
    assert await replica.in_use("group:db") == 4
    await replica.release("held-0")
    assert await inbox.woken() == "b"


async def test_who_waits_by_an_older_policy_holds_nobody_up(
    replica: Replica, inbox: Inbox, clock: Clock
) -> None:
    await replica.granted("held", "heavy")
    await replica.waiting("older", "light")
    await replica.edit_group("db", headroom=1)
    clock.advance(1)
    await replica.waiting("newer", "light")
    await replica.release("held")
    assert await inbox.woken() == "newer"


async def test_who_asks_again_keeps_the_place(replica: Replica, inbox: Inbox, clock: Clock) -> None:
    await replica.granted("held", "heavy")
    for id_ in ("first", "second"):
        clock.advance(1)
        await replica.waiting(id_, "heavy")
    await replica.edit_group("db", headroom=1)
    for id_ in ("second", "first"):
        clock.advance(1)
        await replica.waiting(id_, "heavy")
    await replica.release("held")
    assert await inbox.woken() == "first"


async def test_who_asks_again_after_a_raise_is_granted_at_once(replica: Replica) -> None:
    await replica.granted("held", "heavy")
    await replica.waiting("b", "heavy")
    await replica.edit_group("db", max_concurrency=10)
    await replica.granted("b", "heavy")
    await replica.release("held")
    assert set(await replica.leases()) == {"b"}


async def test_who_is_denied_by_another_scope_goes_on_waiting_there(
    replica: Replica, inbox: Inbox
) -> None:
    await replica.set_policy("account: {max_concurrency: 1}\nfunctions: {f: {max_concurrency: 1}}")
    await replica.granted("a", "f")
    assert await replica.waiting("b", "f") == Waiting("function:f")
    await replica.set_policy("account: {max_concurrency: 1}\nfunctions: {f: {max_concurrency: 2}}")
    assert await replica.waiting("b", "f") == Waiting("account")
    await replica.release("a")
    assert await inbox.woken() == "b"


async def test_waiting_is_no_denial(replica: Replica) -> None:
    await replica.granted("a", "heavy")
    await replica.waiting("b", "heavy")
    assert (await replica.counts())["group:db"].denied == 0


async def test_a_shadow_is_told_of_when_woken(replica: Replica, inbox: Inbox) -> None:
    await replica.set_policy(
        "account: {max_concurrency: 1}\nfunctions: {f: {max_concurrency: 0, mode: shadow}}"
    )
    await replica.granted("a", "f")
    await replica.waiting("b", "f")
    await replica.release("a")
    assert await inbox.next() == PolicyChanged()
    assert await inbox.next() == Woken("b", SOME_DAY_MS + HANDOVER_MS, "function:f")
    assert (await replica.counts())["function:f"].shadow_denied == 2


async def test_renewing_what_waits_gives_no_lease(replica: Replica, inbox: Inbox) -> None:
    await replica.granted("a", "heavy")
    await replica.waiting("b", "heavy")
    assert await replica.renew("b", "heavy") == Renewed(SOME_DAY_MS)
    assert set(await replica.leases()) == {"a"}
    await replica.release("a")
    assert await inbox.woken() == "b"


async def test_everybody_is_served_in_the_end(new_replica: Callable[..., Replica]) -> None:
    replicas = [new_replica() for _ in range(3)]
    await replicas[0].set_policy("functions: {f: {max_concurrency: 2}}")

    async def invoke(replica: Replica, id_: str, woken: set[str], news: asyncio.Event) -> None:
        if isinstance(await replica.acquire(id_, "f", wait_ms=30_000), Waiting):
            while id_ not in woken:
                await news.wait()
        await replica.release(id_)

    async def serve(number: int, replica: Replica) -> None:
        woken: set[str] = set()
        news = asyncio.Event()
        async with replica.listening() as inbox, asyncio.TaskGroup() as invocations:
            tasks = [
                invocations.create_task(invoke(replica, f"{number}-{each}", woken, news))
                for each in range(40)
            ]
            while not all(task.done() for task in tasks):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.01):
                        woken.add(await inbox.woken())
                news.set()
                news.clear()

    await asyncio.gather(*(serve(*each) for each in enumerate(replicas)))
    assert (await replicas[0].counts())["function:f"] == ScopeCount(0, 2, granted=120)
