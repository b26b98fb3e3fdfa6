"""The cycle: what is done in it, what keeps it from doing anything, and what it survives."""

import asyncio
import threading

import pytest

from governor.controller.actions import Action, Outcome, Result, Turn
from governor.controller.observed import Knobs
from governor.controller.pace import Pace
from governor.facts import Facts
from governor.ledger.keys import CONTROLLER, key
from governor.model import Acquire, Denied, Granted
from tests.controller.controllers import BURST, POLICY, Governed, change_by_hand, held_back, until

KILLED = POLICY + "controller: {enabled: false}\n"

DEFERRED = Outcome(Result.DEFERRED, "an update of it is still under way")


async def test_a_burst_is_held_back_and_every_action_explained(burst: Governed) -> None:
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
        await burst.cycles()
        report = await burst.report()
    assert [burst.account.allowed(uuid) for uuid in sorted(burst.account.mappings)] == [40, 40]
    assert len(burst.account.applied) == 2, "nothing changes, nothing is sent"
    assert report.state == "acting"
    assert report.budget is not None
    assert report.budget.background == 80
    assert report.action_totals == {"turn": {"done": 2}}
    assert report.confirmation_totals == {"settled": 2}
    assert {each.allowed for each in report.mappings} == {40}
    assert {each.text for each in report.events if "headroom" in each.text} == {
        action.reason for action in burst.account.applied
    }
    assert [each.subject for each in report.non_actions] == sorted(burst.account.mappings)
    assert report.call_totals["apply"] == {"ok": 2}
    memory = await burst.memory()
    assert {turned.original for turned in memory.turns.values()} == {Knobs()}


async def test_the_last_attempt_at_a_message_is_never_denied(burst: Governed) -> None:
    await burst.set_policy(POLICY.replace("load: {", "load: {max_concurrency: 0, "))
    async with burst.controller():
        await burst.cycles()
        assert await burst.facts() == Facts({"load": 3})
    tries = [Acquire(f"try-{attempt}", "load", 60_000, attempt) for attempt in (2, 3)]
    second, third = await burst.asked(*tries)
    assert isinstance(second, Denied)
    assert isinstance(third, Granted)
    assert third.overrun


async def test_what_is_sent_is_remembered_before_it_is_sent(burst: Governed) -> None:
    loop = asyncio.get_running_loop()
    remembered: list[set[str]] = []

    def look(_: Action) -> None:
        memory = asyncio.run_coroutine_threadsafe(burst.memory(), loop).result()
        sent = {uuid for uuid, each in memory.turns.items() if each.sent != each.before}
        remembered.append(sent)

    burst.account.before_applying = look
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
    first, second = burst.account.applied
    assert isinstance(first, Turn)
    assert isinstance(second, Turn)
    assert remembered == [{first.mapping}, {first.mapping, second.mapping}]


async def test_a_memory_of_another_release_is_told_and_left(burst: Governed) -> None:
    await burst.ledger.store.redis.hset(key(burst.pool, CONTROLLER), "memory", b'{"turns": 7}')
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
        (text,) = await burst.events("error")
    assert text.startswith("what the last leader remembered can't be read")


async def test_a_loop_that_fails_ends_the_controller(
    burst: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("governor.controller.loop.Loop.run", fails)
    with pytest.raises(RuntimeError, match="a defect"):
        async with burst.controller() as stopping:
            await asyncio.wait_for(stopping.wait(), 20)


@pytest.mark.parametrize("reason", ["paused", "a dry run"])
async def test_nothing_is_sent_when(burst: Governed, reason: str) -> None:
    if reason == "paused":
        await burst.store.pause()
    async with burst.controller(dry_run=reason == "a dry run"):
        await burst.cycles()
        report = await burst.report()
        assert report.state == ("paused" if reason == "paused" else "dry_run")
        assert [each.outcome for each in report.actions] == ["planned", "planned"]
        assert (await burst.memory()).turns == {}
        assert burst.account.applied == []
        assert report.action_totals == {}
        assert bool(await burst.facts()) == (reason == "paused"), "a dry run changes nothing at all"
        if reason == "paused":
            await burst.store.resume()
            await until(lambda: held_back(burst), "it goes on")
            await reaches(burst, "acting")
            assert await burst.events("state") == [
                "the controller is paused",
                "the controller is acting",
            ]


async def test_the_kill_switch_keeps_it_from_even_looking(burst: Governed) -> None:
    await burst.set_policy(KILLED)
    async with burst.controller():
        await reaches(burst, "disabled")
        assert burst.account.cycles == 0
        await burst.set_policy(POLICY)
        await until(lambda: held_back(burst), "it goes on")
        await burst.set_policy(KILLED)
        await reaches(burst, "disabled")
        assert (await burst.report()).mappings == ()


async def reaches(governed: Governed, state: str) -> None:
    """Wait until the controller is in `state`."""
    while (await governed.report()).state != state:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


async def test_a_pool_without_a_policy_is_left_alone_and_gets_none(governed: Governed) -> None:
    governed.account.feed("load", BURST)
    async with governed.controller():
        await reaches(governed, "blind")
        while not await governed.events("warning"):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert "no policy" in (await governed.events("warning"))[0]
    assert await governed.ledger.read_policy() is None
    assert governed.account.cycles == 0


async def test_an_account_that_can_not_be_listed_is_left_alone(burst: Governed) -> None:
    burst.account.unlisted = True
    burst.account.missing = ("lambda:ListEventSourceMappings was refused",)
    async with burst.controller():
        await burst.cycles()
        report = await burst.report()
        assert report.state == "blind"
        assert report.missing == burst.account.missing
        (warning,) = (each for each in report.events if each.kind == "warning")
        assert warning.text == burst.account.missing[0]
        assert warning.times > 1
        assert burst.account.applied == []
        burst.account.unlisted, burst.account.missing = False, ()
        await until(lambda: held_back(burst), "it goes on")


async def test_a_cycle_that_fails_is_an_event_and_not_the_end(burst: Governed) -> None:
    def fail() -> None:
        raise RuntimeError("who knows why")

    burst.account.before_observing = fail
    async with burst.controller():
        await burst.cycles()
        assert await burst.events("error") == ["the cycle failed: RuntimeError: who knows why"]
        assert burst.account.applied == []
        burst.account.before_observing = lambda: None
        await until(lambda: held_back(burst), "it goes on")
        await reaches(burst, "acting")


@pytest.mark.parametrize("trouble", ["deferred", "failed"])
async def test_an_action_that_is_not_taken_is_planned_again(burst: Governed, trouble: str) -> None:
    refused = "mapping-of-load"

    def refuse(action: Action) -> Outcome | None:
        if not isinstance(action, Turn) or action.mapping != refused:
            return None
        if trouble == "failed":
            raise RuntimeError("no connection")
        return DEFERRED

    burst.account.before_applying = refuse
    async with burst.controller():
        await burst.cycles()
        # While it is being sent it is announced; then it is taken back.
        while set((await burst.memory()).turns) != {"mapping-of-report"}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        totals = (await burst.report()).action_totals["turn"]
        assert totals["done"] == 1
        assert totals[trouble] > 1
        assert any(trouble in text for text in await burst.events("warning"))
        burst.account.before_applying = lambda _: None
        await until(lambda: held_back(burst), "it is taken in the end")


async def test_pausing_holds_for_the_next_action(burst: Governed) -> None:
    loop = asyncio.get_running_loop()

    def pause(_: Action) -> None:
        asyncio.run_coroutine_threadsafe(burst.store.pause(), loop).result()

    burst.account.before_applying = pause
    async with burst.controller():
        await reaches(burst, "paused")
        await burst.cycles()
        assert len(burst.account.applied) == 1
        assert len((await burst.memory()).turns) == 1


async def test_who_is_stopped_ends_its_action_and_resigns(burst: Governed) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: Action) -> None:
        begun.set()
        assert go_on.wait(20)

    burst.account.before_applying = wait
    async with burst.controller() as stopping:
        await asyncio.to_thread(begun.wait)
        stopping.set()
        await asyncio.sleep(0)
        go_on.set()
    assert len(burst.account.applied) == 1
    assert len((await burst.memory()).turns) == 1
    assert (await burst.standing()).leader is None


async def test_no_cycle_begins_before_the_last_one_has_ended(burst: Governed) -> None:
    def take_long() -> None:
        threading.Event().wait(0.2)

    burst.account.before_observing = take_long
    async with burst.controller():  # the account itself refuses two at once
        await burst.cycles()
        assert await burst.events("error") == []


async def test_users_who_come_while_aws_is_read_are_seen_in_the_same_cycle(burst: Governed) -> None:
    loop = asyncio.get_running_loop()

    def come() -> None:
        burst.account.before_observing = lambda: None
        asyncio.run_coroutine_threadsafe(burst.check_in("api", 60), loop).result()

    burst.account.before_observing = come
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
    assert [burst.account.allowed(uuid) for uuid in sorted(burst.account.mappings)] == [10, 10]


async def test_cycles_are_sooner_while_the_headroom_is_eaten_into(burst: Governed) -> None:
    async with burst.controller(Pace(every_s=3600, urgent_s=0.1, look_s=0.01)):
        await until(lambda: held_back(burst), "the first cycle is over")
        await burst.check_in("api", 80)
        await asyncio.sleep(0.3)  # more than the urgent pace
        assert burst.account.cycles == 1
        await burst.ledger.exchange(burst.policies.resolver, [])
        await burst.check_in("api", 81)
        await until(lambda: burst.account.cycles >= 3, "cycles follow each other")
        await until(lambda: burst.account.allowed("mapping-of-load") != 40, "and cut")


async def test_a_value_that_someone_else_set_is_theirs(burst: Governed) -> None:
    async with burst.controller():
        await until(lambda: held_back(burst), "both are held back")
        await burst.cycles()
        change_by_hand(burst, 7)
        await burst.cycles()
        report = await burst.report()
    assert report.drift == 1
    assert report.confirmation_totals["drift"] == 1
    assert burst.account.allowed("mapping-of-load") == 7
    assert any("load" in text for text in await burst.events("warning"))
