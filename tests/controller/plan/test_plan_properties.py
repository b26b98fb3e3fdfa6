"""What holds of every plan, whatever the fleet, the policy and the past."""

import os
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor.controller.actions import Action, Brake, NonAction, Turn
from governor.controller.memory import (
    Memory,
)
from governor.controller.observed import (
    Observed,
)
from governor.controller.plan import plan, restore_all
from governor.controller.plan.knobs import floor, units
from governor.controller.plan.turns import CALM_S
from governor.model import function_scope
from governor.policy import Policy
from governor.resolver import Resolver
from tests.controller.plan.inputs import NAMES, memories_of, observed_of, policies_of, worlds
from tests.controller.worlds import World, policy

PROFILE = settings(
    max_examples=2000 if "SOAK" in os.environ else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

T = TypeVar("T")


def taken(world: World) -> dict[str, int]:
    """What each mapping takes of the account if its queue lets it."""
    found = {}
    for mapping in world.observed().mappings or ():
        now = units(mapping.knobs)
        batches = -(-world.backlog.get(mapping.function, 0) // 10)
        found[mapping.function] = min(batches, 1250 if now is None else now)
    return found


@PROFILE
@given(worlds())
def test_what_is_allowed_never_exceeds_the_budget_where_floors_permit(world: World) -> None:
    planned = world.cycle()
    assert planned.budget is not None
    allowed = sum(taken(world).values())
    floors = sum(2 for name in taken(world) if world.backlog[name] and world.knobs[name].enabled)
    assert allowed <= max(planned.budget.background, floors)


@PROFILE
@given(worlds())
def test_groups_and_functions_are_kept_within_their_limits_where_floors_permit(
    world: World,
) -> None:
    world.cycle()
    use = taken(world)
    for group in ("g", "h"):
        weights = {
            name: weight
            for name in use
            if (weight := world.policy.functions[name].weights.get(group))
        }
        floors = sum(2 * weight for name, weight in weights.items() if use[name])
        limit = world.policy.groups[group].max_concurrency or 0
        assert sum(use[name] * weight for name, weight in weights.items()) <= max(limit, floors)
    for name, units_ in use.items():
        limit_ = world.policy.functions[name].max_concurrency
        assert units_ <= max(2, 10_000 if limit_ is None else limit_)


@PROFILE
@given(worlds())
def test_no_mapping_gets_more_than_it_can_use_while_another_starves(world: World) -> None:
    planned = world.plan()
    for uuid, units_ in planned.allowed.items():
        batches = -(-world.backlog[uuid.removeprefix("m-")] // 10)
        assert units_ <= max(2, batches)
    starving = [name for name in planned.allowed if planned.allowed[name] == 0]
    if starving and planned.budget is not None and planned.budget.background == 0:
        assert max(planned.allowed.values()) <= 2


@PROFILE
@given(worlds(), st.integers(0, 200))
def test_more_budget_is_less_for_nobody(world: World, more: int) -> None:
    before = world.plan().allowed
    in_use = {"api": max(0, world.in_use["api"] - more)}
    after = replace(world, in_use=in_use).plan().allowed
    assert all(after[uuid] >= units_ for uuid, units_ in before.items())


@PROFILE
@given(worlds())
def test_where_nothing_changes_a_second_cycle_plans_no_cut_and_soon_nothing(world: World) -> None:
    world.cycle()
    again = world.plan()
    allowed = [(units(each.before), units(each.after)) for each in turns(again.actions)]
    assert allowed == []
    for _ in range(30):
        world.cycle(after_s=CALM_S)
    assert world.plan().actions == ()


def turns(actions: tuple[Action, ...]) -> list[Turn]:
    """The turns among actions."""
    return [action for action in actions if isinstance(action, Turn)]


@PROFILE
@given(worlds(), st.integers(0, 2**32))
def test_noise_of_a_tenth_makes_nothing_flap(world: World, seed: int) -> None:
    """For as long as a small fall is not believed, nobody who was cut is raised or put back."""
    chance = Random(seed)
    # One message more or less is no tenth of a few.
    messages = {name: each if each >= 10 else 0 for name, each in world.backlog.items()}
    level = (messages, dict(world.in_use), dict(world.duration_s), world.ungoverned or 0)

    def noisy(value: float) -> float:
        return value * chance.uniform(0.9, 1.1)

    cut: set[str] = set()
    for cycle in range(30):
        backlog, in_use, duration_s, ungoverned = level
        world.backlog = {name: int(noisy(each)) for name, each in backlog.items()}
        world.in_use = {name: int(noisy(each)) for name, each in in_use.items()}
        world.duration_s = {name: noisy(each) for name, each in duration_s.items()}
        world.ungoverned = int(noisy(ungoverned))
        for turn in turns(world.cycle().actions):
            before, after = units(turn.before), units(turn.after)
            if after is not None and (before is None or after < before):
                cut.add(turn.mapping)
            elif before != after:
                assert turn.mapping not in cut, f"cycle {cycle}: {turn.reason}"


@PROFILE
@given(worlds(), st.integers(0, 2**32))
def test_the_order_of_inputs_has_no_influence(world: World, seed: int) -> None:
    chance = Random(seed)
    world.in_use |= {"a": 3}
    observed = world.observed()

    def shuffled(items: Iterable[T]) -> list[T]:
        found = list(items)
        chance.shuffle(found)
        return found

    other = replace(
        observed,
        mappings=tuple(shuffled(observed.mappings or ())),
        queues=dict(shuffled(observed.queues.items())),
        functions=dict(shuffled(observed.functions.items())),
        scopes=dict(shuffled(observed.scopes.items())),
    )
    resolver = Resolver(world.policy)
    assert plan(resolver, other, Memory()) == plan(resolver, observed, Memory())


@PROFILE
@given(worlds(pauses=False), st.permutations(["v", "w", "x", "y", "z"]))
def test_names_have_no_influence_but_between_equals(world: World, names: list[str]) -> None:
    """Who gets the odd unit is told by the name only if nothing else tells."""
    new = dict(zip(NAMES, names, strict=True))
    backlog = {name: (index + 1) * 977 for index, name in enumerate(world.backlog)}

    def renamed(to: dict[str, str]) -> World:
        functions = {to.get(n, n): f for n, f in world.policy.functions.items() if n != "api"}
        return replace(
            world,
            policy=policy(functions, groups=world.policy.groups),
            backlog={to.get(name, name): each for name, each in backlog.items()},
            knobs={to.get(name, name): each for name, each in world.knobs.items()},
            duration_s={to.get(name, name): each for name, each in world.duration_s.items()},
        )

    before, after = renamed({}), renamed(new)
    before.cycle()
    after.cycle()
    assert after.knobs == {new[name]: knobs for name, knobs in before.knobs.items()}


@PROFILE
@given(worlds())
def test_when_the_burst_is_over_every_mapping_is_as_it_was(world: World) -> None:
    before = dict(world.knobs)
    world.cycles(50)
    world.backlog = {}
    world.cycles(200)
    assert world.knobs == before
    assert world.tags == {}
    assert world.memory.turns == {}


@PROFILE
@given(worlds(), st.booleans())
def test_restore_brings_back_the_first_state(world: World, forgets: bool) -> None:  # noqa: FBT001
    before = dict(world.knobs)
    world.cycles(50)
    memory = Memory() if forgets else world.memory
    world.carry_out(restore_all(world.observed(), memory))
    assert (world.knobs, world.tags) == (before, {})


@PROFILE
@given(policies_of, observed_of, memories_of)
def test_every_input_gives_a_plan_that_says_why(
    rules: Policy, observed: Observed, memory: Memory
) -> None:
    planned = plan(Resolver(rules), observed, memory)
    assert plan(Resolver(rules), observed, memory) == planned
    for each in (*planned.actions, *planned.non_actions):
        assert each.reason
        assert "\n" not in each.reason
    for action in planned.actions:
        if isinstance(action, Turn):
            assert action.mapping in planned.memory.turns
        if isinstance(action, Brake):
            assert action.function in planned.memory.brakes
        planned.memory.unsent(action)
    restored = restore_all(observed, memory)
    assert all(isinstance(each, NonAction) for each in restored.non_actions)


@PROFILE
@given(worlds())
def test_every_mapping_is_explained_and_gets_what_aws_takes(world: World) -> None:
    observed = world.observed()
    planned = plan(Resolver(world.policy), observed, world.memory)
    told = [each.mapping for each in turns(planned.actions)]
    told += [each.subject for each in planned.non_actions]
    assert sorted(told) == sorted(mapping.uuid for mapping in observed.mappings or ())
    by_uuid = {mapping.uuid: mapping for mapping in observed.mappings or ()}
    for turn in turns(planned.actions):
        knobs = turn.after
        assert not knobs.enabled or floor(by_uuid[turn.mapping]) <= (units(knobs) or 2) <= 1000
        assert knobs.batch_size <= 10 or knobs.window_s >= 1
        assert function_scope(turn.function) not in turn.reason.split(":")[0]
