"""The brake on functions that no mapping feeds."""

from dataclasses import replace

from governor.controller.actions import Brake
from governor.controller.observed import FunctionFacts
from governor.controller.plan import plan
from governor.controller.plan.brake import CALM_S
from governor.controller.plan.confirm import State
from governor.model import Mode
from governor.policy import Function
from governor.resolver import Resolver
from tests.controller.worlds import World, background, policy, reasons


def world_with(function: Function, *, in_use: int, limit: int = 1000) -> World:
    """A world with the function `async`, which no mapping feeds."""
    rules = policy({"async": function})
    return World(rules, unfed={"async"}, in_use={"async": in_use}, limit=limit)


def test_a_saturated_function_is_braked_at_its_limit_and_says_why() -> None:
    world = world_with(background(50), in_use=50)
    planned = world.cycle()
    why = "50 of 50 in use, and there is no queue to hold back"
    reason = f"async: no reservation → 50 reserved: {why}"
    assert planned.actions == (Brake("async", None, 50, reason),)
    assert not world.cycle().actions


def test_one_that_is_not_saturated_or_not_background_or_not_limited_is_not_braked() -> None:
    assert not world_with(background(50), in_use=49).plan().actions
    assert not world_with(background(0), in_use=3).plan().actions
    assert not world_with(background(), in_use=500).plan().actions
    assert not world_with(Function(max_concurrency=50), in_use=50).plan().actions
    shadow = Function(max_concurrency=50, mode=Mode.SHADOW, priority=background().priority)
    assert not world_with(shadow, in_use=50).plan().actions


def test_one_that_a_mapping_feeds_is_not_braked() -> None:
    world = world_with(background(50), in_use=50)
    world.unfed = set()
    assert not world.plan().actions


def test_the_brake_comes_off_after_a_calm_minute() -> None:
    world = world_with(background(50), in_use=50)
    world.cycle()
    world.in_use = {"async": 45}
    world.cycles(300)
    assert world.brakes
    world.in_use = {"async": 39}
    world.cycles(CALM_S)
    assert world.brakes
    released = world.cycle()
    assert world.brakes == {}
    assert reasons(released)[0] == "async: 50 reserved → no reservation: 39 of 50 in use for 60 s"
    world.cycle()
    assert world.memory.brakes == {}


def test_calm_is_counted_anew_after_each_peak() -> None:
    world = world_with(background(50), in_use=50)
    world.cycle()
    for _ in range(5):
        world.in_use = {"async": 10}
        world.cycles(CALM_S - 10)
        world.in_use = {"async": 50}
        world.cycle()
    assert world.brakes == {"async": 50}


def test_awss_unreserved_floor_is_never_eaten() -> None:
    assert world_with(background(50), in_use=50, limit=150).plan().actions
    planned = world_with(background(50), in_use=50, limit=149).plan()
    assert not planned.actions
    assert "100 must stay unreserved, and only 49 more are" in reasons(planned)[0]


def test_where_not_all_brakes_fit_the_one_with_most_in_use_goes_first() -> None:
    rules = policy({"a": background(40), "b": background(60)})
    world = World(rules, unfed={"a", "b"}, in_use={"a": 40, "b": 60}, limit=190)
    world.cycle()
    assert world.brakes == {"b": 60}


def test_a_function_with_a_reservation_of_its_owners_is_left_alone() -> None:
    world = world_with(background(50), in_use=50)
    facts = {"async": FunctionFacts("async", 60, reserved=50)}
    observed = replace(world.observed(), functions=facts)
    assert not plan(Resolver(world.policy), observed, world.memory).actions


def test_a_changed_limit_moves_the_brake() -> None:
    world = world_with(background(50), in_use=50)
    world.cycle()
    world.policy = policy({"async": background(30)})
    world.cycle()
    assert world.brakes == {"async": 30}


def test_a_brake_that_nothing_wants_any_more_comes_off_at_once() -> None:
    for rules in (policy({"async": background()}), policy({"async": Function(max_concurrency=5)})):
        world = world_with(background(50), in_use=50)
        world.cycle()
        world.policy = rules
        world.cycle()
        assert world.brakes == {}


def test_a_reservation_that_somebody_else_changed_is_theirs() -> None:
    for theirs in (70, None):
        world = world_with(background(50), in_use=50)
        world.cycles(20)
        facts = FunctionFacts("async", 60, reserved=theirs, braked=True)
        observed = replace(world.observed(), functions={"async": facts})
        first = plan(Resolver(world.policy), observed, world.memory)
        assert [each.state for each in first.confirmations] == [State.DRIFT]
        again = plan(Resolver(world.policy), observed, first.memory)
        assert (again.confirmations, again.actions, again.drifts) == ((), (), 1)


def test_a_function_that_could_not_be_read_is_not_forgotten() -> None:
    world = world_with(background(50), in_use=50)
    world.cycle()
    observed = replace(world.observed(), functions={}, missing=("functions: throttled",))
    planned = plan(Resolver(world.policy), observed, world.memory)
    assert planned.memory.brakes == world.memory.brakes
