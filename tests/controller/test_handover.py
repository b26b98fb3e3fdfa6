"""What becomes of the cycle when the lead or the store is lost, and who goes on."""

import asyncio
import time

import pytest

from governor.controller.actions import Action, Brake
from governor.controller.cycle import carry_out
from governor.controller.leader import RENEW_EVERY_S, Lease
from governor.controller.observed import FunctionFacts, Knobs
from governor.ledger.client import LedgerClient
from governor.ledger.embedded import valkey_binary
from governor.ledger.keys import CONTROLLER, key
from tests.controller.account import DONE, MemoryAccount
from tests.controller.controllers import BURST, POLICY, Governed, change_by_hand, held_back, until
from tests.stores import NO_PERSISTENCE, Server


async def test_a_deposed_leader_sends_nothing_more(burst: Governed) -> None:
    loop = asyncio.get_running_loop()

    def depose(_: Action) -> None:
        asyncio.run_coroutine_threadsafe(
            burst.store.lead("another", 60_000, depose=True), loop
        ).result()

    burst.account.before_applying = depose
    async with burst.controller():
        await until(lambda: len(burst.account.applied) == 1, "the first is sent")
        cycles = burst.account.cycles
        await asyncio.sleep(0.3)  # some cycles' time, in which nothing may happen
        assert len(burst.account.applied) == 1
        assert burst.account.cycles == cycles
    assert (await burst.standing()).leader == "another"


@pytest.mark.parametrize("left_s", [60, 0])
def test_an_action_is_dropped_if_its_lease_has_lapsed(left_s: float) -> None:
    account, action = MemoryAccount(), Brake("load", None, 5, "why not")
    account.functions["load"] = FunctionFacts("load", 30)
    outcome = carry_out(account, action, Lease("one", 1, time.monotonic() + left_s))
    assert (outcome, account.applied) == ((DONE, [action]) if left_s else (None, []))


async def test_another_leader_goes_on_where_the_last_one_stopped(burst: Governed) -> None:
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
    before = await burst.report()
    memory = await burst.memory()
    async with burst.controller():
        await burst.cycles()
        report = await burst.report()
    assert len(burst.account.applied) == 2
    assert report.action_totals == before.action_totals
    assert report.events[0] == before.events[0]
    assert set((await burst.memory()).turns) == set(memory.turns)
    assert len(await burst.events("leader")) == 2


async def test_a_lost_store_stops_everything_until_it_is_back(burst: Governed) -> None:
    with Server(valkey_binary(), *NO_PERSISTENCE) as server:
        ledger = LedgerClient(server.url, "pool")
        governed = Governed(server.url, "pool", ledger, burst.account)
        await governed.set_policy(POLICY)
        async with governed.controller():
            await until(lambda: held_back(governed), "both are held back")
            await governed.cycles()
            server.freeze()
            await asyncio.sleep(1.5)  # the store counts as lost after a second
            cycles, sent = burst.account.cycles, len(burst.account.applied)
            burst.account.feed("third", BURST)
            await asyncio.sleep(0.3)  # some cycles' time
            assert (burst.account.cycles, len(burst.account.applied)) == (cycles, sent)
            server.resume()
            await until(lambda: burst.account.cycles > cycles, "it goes on")
        await ledger.close()


async def test_an_emptied_store_gets_the_memory_back(burst: Governed) -> None:
    await burst.store.resign("another", (await burst.store.lead("another", 60_000)).term or 0)
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
        await burst.cycles()
        change_by_hand(burst, 7)  # no tag tells of that: only the memory knows whose it is
        await burst.cycles()
        await burst.ledger.store.ask(burst.ledger.store.redis.delete, key(burst.pool, CONTROLLER))
        while not (await burst.memory()).turns:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await burst.cycles()
        memory = await burst.memory()
    assert {turned.original for turned in memory.turns.values()} == {Knobs()}
    assert memory.drifts == 1
    assert len(burst.account.applied) >= 2
    assert burst.account.allowed("mapping-of-load") == 7


async def test_what_was_remembered_before_another_one_led_is_not_put_back(burst: Governed) -> None:
    """Else what the other one has done would look like somebody else's doing."""
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
        await burst.cycles()
        other = await burst.store.lead("another", 60_000, depose=True)
        await asyncio.sleep(2 * RENEW_EVERY_S)  # the time in which the deposed one finds that out
        change_by_hand(burst, 30)
        await burst.store.resign("another", other.term or 0)
        await burst.ledger.store.ask(burst.ledger.store.redis.delete, key(burst.pool, CONTROLLER))
        while not (await burst.memory()).turns:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await burst.cycles()
        memory = await burst.memory()
    assert memory.drifts == 0
    assert {turned.original for turned in memory.turns.values()} == {Knobs()}
