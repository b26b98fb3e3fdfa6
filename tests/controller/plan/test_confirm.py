"""How the changes of earlier cycles stand: pending, settled, lost, or somebody else's."""

from dataclasses import replace

import msgspec
import pytest

from governor.controller.actions import Turn
from governor.controller.memory import Memory
from governor.controller.observed import Knobs
from governor.controller.plan import plan
from governor.controller.plan.confirm import LOST_AFTER_S, State
from governor.resolver import Resolver
from tests.controller.worlds import background, burst, reasons, states


def test_a_change_is_pending_until_it_is_seen() -> None:
    world = burst(backlog={"etl-load": 20_000})
    world.cycle()
    world.unsettled = {"etl-load"}
    assert states(world.cycle()) == [State.PENDING]
    world.unsettled = set()
    settled = world.cycle()
    assert states(settled) == [State.SETTLED]
    assert "unlimited in batches of 10 → 190 in batches of 10" in settled.confirmations[0].sentence
    assert states(world.cycle()) == []


def test_a_change_that_never_arrives_is_lost_and_sent_again() -> None:
    world = burst(backlog={"etl-load": 20_000})
    world.memory = world.plan().memory
    world.at_s += LOST_AFTER_S - 1
    waiting = world.plan()
    assert (states(waiting), waiting.actions) == ([State.PENDING], ())
    world.at_s += 1
    lost = world.cycle()
    assert states(lost) == [State.LOST]
    assert world.limits() == {"etl-load": 190}


def test_an_action_that_was_not_sent_is_planned_again() -> None:
    world = burst()
    planned = world.plan()
    memory = planned.memory
    for action in planned.actions:
        memory = memory.unsent(action)
    assert memory.turns == {}
    world.memory = memory
    assert world.plan().actions == planned.actions


def test_a_cut_that_was_not_sent_leaves_what_was_sent_before() -> None:
    world = burst()
    world.cycle()
    world.in_use = {"api": 700}
    planned = world.plan()
    memory = planned.memory
    for action in planned.actions:
        memory = memory.unsent(action)
    world.memory = memory
    assert states(world.plan()) == []
    assert world.plan().actions == planned.actions


@pytest.mark.parametrize("theirs", [300, None])
def test_what_somebody_else_changed_is_theirs(theirs: int | None) -> None:
    world = burst()
    world.cycle()
    world.cycle()
    world.knobs["etl-load"] = Knobs(max_concurrency=theirs)
    drifted = world.cycle()
    assert states(drifted) == [State.DRIFT]
    assert drifted.drifts == 1
    world.in_use = {"api": 790}
    later = world.cycles(200)
    assert world.limits()["etl-load"] == theirs
    assert all(State.DRIFT not in states(planned) for planned in later)
    assert "hands off" in " ".join(reasons(later[-1]))
    world.backlog.clear()
    world.cycles(300)
    assert world.limits()["etl-load"] == theirs


def test_what_somebody_else_takes_back_to_the_original_is_governed_again() -> None:
    world = burst()
    world.cycle()
    world.cycle()
    world.knobs["etl-load"] = Knobs(max_concurrency=300)
    world.cycle()
    world.knobs["etl-load"] = Knobs()
    del world.tags["etl-load"]
    world.cycle()
    assert world.limits()["etl-load"] == 95


def test_what_is_put_back_to_the_governors_value_is_governed_again() -> None:
    world = burst()
    world.cycle()
    ours = world.knobs["etl-load"]
    world.cycle()
    world.knobs["etl-load"] = Knobs(max_concurrency=300)
    world.cycle()
    world.knobs["etl-load"] = ours
    world.cycle()
    assert world.memory.drifts == 0
    world.backlog.clear()
    world.cycles(200)
    assert world.knobs["etl-load"] == Knobs()


def test_a_leader_without_memory_knows_the_original_from_the_tag() -> None:
    world = burst(knobs={"etl-load": Knobs(max_concurrency=500)}, backlog={"etl-load": 9000})
    world.cycle()
    world.memory = Memory()
    world.cycle()
    world.backlog.clear()
    world.cycles(200)
    assert world.knobs["etl-load"] == Knobs(max_concurrency=500)


def test_a_left_over_tag_is_removed() -> None:
    world = burst(backlog={}, tags={"etl-load": Knobs()})
    planned = world.cycle()
    (turn,) = planned.actions
    assert isinstance(turn, Turn)
    assert turn.before == turn.after == turn.original
    assert not world.cycle().actions
    assert not world.memory.turns


def test_memory_outlives_a_process() -> None:
    world = burst()
    world.policy.functions["async"] = background(20)
    world.unfed, world.in_use["async"] = {"async"}, 20
    world.cycle()
    document = msgspec.json.encode(world.memory)
    assert world.memory.turns
    assert world.memory.brakes
    assert msgspec.json.decode(document, type=Memory) == world.memory


def test_a_mapping_that_is_gone_is_forgotten_but_not_one_that_is_not_seen() -> None:
    world = burst()
    world.cycle()
    world.cycle()
    observed = replace(world.observed(), mappings=())
    kept = plan(Resolver(world.policy), replace(observed, missing=("page 2",)), world.memory)
    assert kept.memory.turns == world.memory.turns
    assert plan(Resolver(world.policy), observed, world.memory).memory.turns == {}
