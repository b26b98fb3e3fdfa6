"""What the plan leaves as it is, and says why."""

from dataclasses import replace

import pytest

from governor.controller.actions import Turn
from governor.controller.memory import Memory
from governor.controller.observed import Knobs
from governor.controller.plan import plan
from governor.controller.plan.turns import CALM_S
from governor.policy import Function
from governor.resolver import Resolver
from tests.controller.worlds import background, burst, policy, reasons


def test_user_facing_functions_are_not_held_back() -> None:
    world = burst()
    world.policy.functions["etl-load"] = Function()
    planned = world.plan()
    assert "etl-load: stays unlimited: user-facing functions are not held back" in reasons(planned)


def test_one_that_becomes_user_facing_is_let_go() -> None:
    world = burst()
    world.cycle()
    world.policy = policy({"etl-load": Function(), "report-gen": background()})
    world.at_s += CALM_S
    world.cycle()
    assert world.knobs["etl-load"] == Knobs()


def test_a_mapping_that_its_owner_has_disabled_stays_so() -> None:
    world = burst(knobs={"etl-load": Knobs(enabled=False)})
    planned = world.plan()
    assert "etl-load: stays paused: its owner has disabled it" in reasons(planned)


def test_what_could_not_be_read_is_left_alone() -> None:
    world = burst()
    observed = replace(world.observed(), queues={}, missing=("queues: AccessDenied",))
    planned = plan(Resolver(world.policy), observed, Memory())
    assert not planned.actions
    assert "etl-load: stays unlimited: its queue q-etl-load could not be read" in reasons(planned)
    planned = plan(Resolver(world.policy), replace(world.observed(), functions={}), Memory())
    assert not planned.actions
    assert "etl-load: stays unlimited: the function could not be read" in reasons(planned)


@pytest.mark.parametrize(
    ("part", "named"),
    [("account", "account's limits"), ("mappings", "event-source mappings")],
)
def test_without_a_view_of_the_whole_nothing_is_changed(part: str, named: str) -> None:
    world = burst()
    world.cycle()
    observed = replace(world.observed(), missing=("X: no answer",))
    match part:
        case "account":
            observed = replace(observed, account=None)
        case _:
            observed = replace(observed, mappings=None)
    planned = plan(Resolver(world.policy), observed, world.memory)
    assert (planned.actions, planned.budget, planned.memory) == ((), None, world.memory)
    assert named in planned.non_actions[0].reason
    assert "X: no answer" in planned.non_actions[0].reason


def test_what_is_broken_elsewhere_stops_nothing_before_anything_has_checked_in() -> None:
    world = burst(backlog={"etl-load": 9000, "report-gen": 9000})
    observed = replace(world.observed(), scopes={}, missing=("function orphan: does not exist",))
    planned = plan(Resolver(world.policy), observed, world.memory)
    assert {type(action) for action in planned.actions} == {Turn}


def test_nobody_gets_more_while_the_ungoverned_use_is_unknown() -> None:
    world = burst()
    world.cycle()
    world.in_use, world.ungoverned = {"api": 100}, None
    before = dict(world.knobs)
    world.cycles(300)
    assert world.knobs == before
    world.ungoverned = 0
    world.cycle()
    assert world.knobs != before
