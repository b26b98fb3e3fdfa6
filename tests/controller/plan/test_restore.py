"""What it takes to put everything back."""

from governor.controller.memory import Memory
from governor.controller.observed import Knobs
from governor.controller.plan import restore_all
from governor.controller.plan.confirm import State
from tests.controller.worlds import background, burst, states


def test_restore_puts_everything_back_with_or_without_memory() -> None:
    before = {"etl-load": Knobs(max_concurrency=500), "report-gen": Knobs(batch_size=7)}
    for memory_is_lost in (False, True):
        world = burst(knobs=dict(before))
        world.policy.functions["async"] = background(20)
        world.policy.functions["etl-load"] = background(max_batch_size=100)
        world.unfed, world.in_use["async"] = {"async"}, 20
        world.cycle()
        assert world.brakes
        world.cycle()
        if memory_is_lost:
            world.memory = Memory()
        world.carry_out(restore_all(world.observed(), world.memory))
        assert (world.knobs, world.brakes, world.tags) == (before, {}, {})
        done = restore_all(world.observed(), world.memory)
        assert done.actions == ()
        assert restore_all(world.observed(), done.memory).confirmations == ()


def test_restore_waits_for_what_is_under_way_and_leaves_what_is_theirs() -> None:
    world = burst()
    world.cycle()
    world.cycle()
    world.unsettled = {"etl-load"}
    world.knobs["report-gen"] = Knobs(max_concurrency=3)
    planned = restore_all(world.observed(), world.memory)
    assert planned.actions == ()
    assert states(planned) == [State.PENDING, State.DRIFT]
    world.unsettled, world.memory = set(), planned.memory
    world.carry_out(restore_all(world.observed(), world.memory))
    assert world.knobs == {"etl-load": Knobs(), "report-gen": Knobs(max_concurrency=3)}
    assert states(restore_all(world.observed(), world.memory)) == [State.SETTLED]


def test_restore_is_done_with_what_another_restore_has_put_back() -> None:
    world = burst()
    world.policy.functions["async"] = background(20)
    world.unfed, world.in_use["async"] = {"async"}, 20
    for _ in range(2):
        world.cycle()
    assert len(world.knobs) == 2
    assert world.brakes
    stored = world.memory
    world.carry_out(restore_all(world.observed(), stored))
    world.memory = stored  # the other one was ended before it could write down what it did
    again = restore_all(world.observed(), world.memory)
    assert (again.actions, again.non_actions) == ((), ())


def test_restore_removes_a_tag_that_another_restore_left() -> None:
    world = burst()
    world.cycle()
    world.cycle()
    stored, tags = world.memory, dict(world.tags)
    world.carry_out(restore_all(world.observed(), stored))
    world.tags |= tags
    planned = restore_all(world.observed(), stored)
    assert {action.before == action.after for action in planned.actions} == {True}  # type: ignore[union-attr]
    world.carry_out(planned)
    assert world.tags == {}
