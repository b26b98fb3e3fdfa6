"""What background work may take, and the figures that it is made of."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from governor.controller.observed import FunctionFacts
from governor.controller.plan import plan
from governor.controller.plan.budget import Budget
from governor.controller.plan.highest import LATE_S, SOON_S, Watch
from governor.model import Mode
from governor.policy import Account, Policy
from governor.resolver import Resolver
from tests.controller.worlds import START_S, World, background, policy


def budget_of(world: World) -> Budget:
    """What the plan reckons with."""
    found = world.plan().budget
    assert found is not None
    return found


def test_what_users_take_and_what_is_kept_for_them_is_not_for_background_work() -> None:
    world = World(policy({"etl": background()}), in_use={"api": 610}, ungoverned=20)
    assert budget_of(world) == Budget(1000, 200, 610, 20, 0)
    assert budget_of(world).background == 170


def test_a_budget_is_never_below_nothing() -> None:
    assert Budget(100, 200, 50, 0, 0).background == 0


def test_the_lower_limit_holds_the_policys_or_awss() -> None:
    functions = {"etl": background()}
    assert budget_of(World(policy(functions, max_concurrency=700))).limit == 700
    assert budget_of(World(policy(functions, max_concurrency=1500))).limit == 1000
    assert budget_of(World(policy(functions, max_concurrency=None))).limit == 1000


def test_background_work_that_no_queue_explains_counts() -> None:
    world = World(policy({"etl": background(), "async": background()}), unfed={"async"})
    world.in_use = {"etl": 50, "async": 30}
    world.backlog = {"etl": 35}  # each may run alone
    assert budget_of(world).other == 30 + 15


def test_a_function_with_a_reservation_of_its_own_takes_nothing_from_the_pool() -> None:
    world = World(policy({"own": background()}), in_use={"own": 40}, unfed={"own"})
    observed = replace(world.observed(), functions={"own": FunctionFacts("own", 60, reserved=50)})
    found = plan(Resolver(world.policy), observed, world.memory).budget
    assert found is not None
    assert found.other == 0


def test_provisioned_concurrency_is_taken_off_what_runs_on_it() -> None:
    world = World(policy({}), in_use={"api": 40})
    facts = {"api": FunctionFacts("api", 60, provisioned=30)}
    observed = replace(world.observed(), functions=facts)
    found = plan(Resolver(world.policy), observed, world.memory).budget
    assert found is not None
    assert found.user_facing == 10


def test_a_brake_changes_nothing_in_the_budget() -> None:
    world = World(policy({"async": background(50)}), unfed={"async"}, in_use={"async": 50})
    before = budget_of(world)
    world.cycle()
    assert world.brakes == {"async": 50}
    assert budget_of(world) == before


def test_unknown_ungoverned_use_is_what_it_last_was() -> None:
    world = World(policy({"etl": background()}), ungoverned=70)
    world.cycle()
    world.ungoverned = None
    world.cycles(600)
    assert budget_of(world).ungoverned == 70


def test_a_shadow_account_holds_nobody_back() -> None:
    rules = policy({"etl": background()}, max_concurrency=20, headroom=0)
    shadow = Policy(
        account=Account(max_concurrency=20, mode=Mode.SHADOW), functions=rules.functions
    )
    assert World(rules, {"etl": 5000}).plan().actions
    assert not World(shadow, {"etl": 5000}).plan().actions


# ----------------------------------------------------------------------- the highest of late


def held(values: list[tuple[float, int]]) -> list[int]:
    """What plans count with when these values are seen at these times."""
    found, before = [], Watch({}, 0).after
    for at_s, value in values:
        watch = Watch(before, at_s)
        found.append(watch.held("x", value))
        before = watch.after
    return found


def test_a_rise_counts_at_once_and_a_fall_after_a_minute() -> None:
    assert held([(0, 10), (10, 100), (20, 50)]) == [10, 100, 100]
    assert held([(0, 100), (SOON_S, 50), (SOON_S + 10, 50)]) == [100, 100, 50]


def test_a_small_fall_counts_after_five_minutes() -> None:
    values = [(0.0, 100), *((float(at_s), 85) for at_s in range(10, LATE_S + 20, 10))]
    assert held(values)[-2:] == [100, 85]


def test_a_figure_that_is_nothing_is_forgotten() -> None:
    watch = Watch({}, 0)
    watch.held("x", 5)
    later = Watch(watch.after, SOON_S + 10)
    assert later.held("x", 0) == 0
    assert later.after == {}


def test_a_clock_that_goes_back_keeps_nothing_of_the_future() -> None:
    assert held([(1000, 100), (10, 5), (20, 6)]) == [100, 5, 6]


@given(st.lists(st.integers(90, 110), min_size=2, max_size=LATE_S // 10))
def test_noise_never_lowers_what_is_held(noise: list[int]) -> None:
    found = held([(START_S + 10 * step, value) for step, value in enumerate(noise)])
    assert found == [max(noise[: step + 1]) for step in range(len(noise))]


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 30))
def test_what_is_remembered_is_bounded(values: list[int], step_s: int) -> None:
    before = Watch({}, 0).after
    for number, value in enumerate(values):
        watch = Watch(before, number * step_s)
        assert watch.held("x", value) >= value
        before = watch.after
        assert all(len(each.recent) <= LATE_S // 10 + 1 for each in before.values())
