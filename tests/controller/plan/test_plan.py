"""What the plan does with mappings: cuts, raises, pauses, puts back, or leaves alone."""

from dataclasses import replace

import msgspec
import pytest

from governor.controller.actions import Turn
from governor.controller.memory import Memory
from governor.controller.observed import Knobs
from governor.controller.plan import Plan, plan, restore_all
from governor.controller.plan.confirm import LOST_AFTER_S, State
from governor.controller.plan.turns import CALM_S
from governor.model import Mode
from governor.policy import Function, Group
from governor.resolver import Resolver
from tests.controller.worlds import World, background, policy, reasons


def burst(**changes: object) -> World:
    """Two background functions with 100 batches each, and 190 for both."""
    world = World(
        policy({"etl-load": background(), "report-gen": background()}),
        backlog={"etl-load": 2000, "report-gen": 2000},
        in_use={"api": 610},
    )
    return replace(world, **changes)  # type: ignore[arg-type]


def test_a_cut_is_sent_in_the_cycle_that_sees_the_need_and_says_why() -> None:
    world = burst(knobs={"etl-load": Knobs(max_concurrency=100), "report-gen": Knobs(window_s=5)})
    world.policy.functions["report-gen"] = background(share=3)
    planned = world.cycle()
    assert world.limits() == {"etl-load": 47, "report-gen": 143}
    why = "user-facing demand 610 of 1,000, headroom 200, shares 190 with"
    assert reasons(planned) == [
        f"etl-load: 100 → 47: {why} report-gen",
        f"report-gen: unlimited → 143: {why} etl-load",
    ]
    assert planned.allowed == {"m-etl-load": 47, "m-report-gen": 143}


def test_without_scarcity_nothing_is_done_and_that_is_explained() -> None:
    planned = burst(in_use={"api": 100}, backlog={"etl-load": 2000}).plan()
    assert not planned.actions
    assert reasons(planned) == [
        "etl-load: stays unlimited: can use 200 at a time and may",
        "report-gen: stays unlimited: nothing waits",
    ]


def test_a_group_binds_before_the_account() -> None:
    world = burst(in_use={"api": 100})
    world.policy.groups["orders-db"] = Group(max_concurrency=80, headroom=20)
    world.policy.functions["etl-load"] = background(groups={"orders-db": 2})
    world.policy.functions["api"] = Function(groups=("orders-db",))
    world.in_use = {"api": 10}
    planned = world.cycle()
    assert world.limits() == {"etl-load": 25}
    assert reasons(planned)[0] == (
        "etl-load: unlimited → 25: group:orders-db leaves 50 to queues, of which an invocation "
        "takes 2"
    )


def test_a_function_is_kept_to_its_own_limit() -> None:
    world = burst(in_use={"api": 100})
    world.policy.functions["etl-load"] = background(60)
    world.cycle()
    assert world.limits() == {"etl-load": 60}


def test_a_shadow_limit_holds_nobody_back() -> None:
    world = burst(in_use={"api": 100})
    shadow = msgspec.structs.replace(background(60), mode=Mode.SHADOW)
    world.policy.functions["etl-load"] = shadow
    assert not world.plan().actions


def test_a_raise_waits_for_calm_and_is_bounded_per_step() -> None:
    world = burst(backlog={"etl-load": 20_000})
    world.cycle()
    assert world.limits() == {"etl-load": 190}
    world.in_use = {"api": 760}
    world.cycle()
    assert world.limits() == {"etl-load": 40}
    world.in_use = {"api": 300}
    world.cycles(50)
    assert world.limits() == {"etl-load": 40}
    seen = set()
    for planned in world.cycles(800):
        seen |= {a.after.max_concurrency for a in planned.actions if isinstance(a, Turn)}
    assert sorted(each for each in seen if each) == [60, 90, 135, 202, 303, 454, 500]


def test_a_raise_by_less_than_half_waits_longer() -> None:
    world = burst(backlog={"etl-load": 20_000})
    world.cycle()
    world.in_use = {"api": 560}
    world.memory = replace(world.memory, highest={})
    world.cycles(290)
    assert world.limits() == {"etl-load": 190}
    world.cycles(20)
    assert world.limits() == {"etl-load": 240}


def test_small_raises_and_needless_small_cuts_are_not_sent() -> None:
    world = burst(backlog={"etl-load": 20_000})
    world.cycle()
    world.in_use = {"api": 611}
    world.cycle()
    assert world.limits() == {"etl-load": 189}  # needed, however small: headroom would be eaten
    world.at_s += 1000
    world.in_use = {"api": 610}
    world.cycles(700)
    assert world.limits() == {"etl-load": 189}


def test_when_the_burst_is_over_everything_is_as_it_was() -> None:
    before = {"etl-load": Knobs(max_concurrency=700, batch_size=5), "report-gen": Knobs()}
    world = burst(knobs=dict(before), backlog={"etl-load": 5000, "report-gen": 5000})
    world.cycles(100)
    assert world.knobs != before
    world.backlog.clear()
    world.cycles(200)
    assert world.knobs == before
    assert not world.tags
    assert not world.memory.turns


def test_where_nothing_waits_any_more_nothing_is_cut() -> None:
    world = burst()
    world.cycle()
    held = world.limits()
    world.backlog.clear()
    world.in_use = {"api": 700}  # which would leave less to a burst
    planned = world.cycle()
    assert not planned.actions
    assert all(each.endswith("; nothing waits") for each in reasons(planned)[:2])
    assert world.limits() == held
    world.cycles(80)
    assert not world.memory.turns


def test_a_second_cycle_plans_nothing() -> None:
    world = burst()
    assert len(world.cycle().actions) == 2
    assert not world.cycle().actions


def test_nothing_is_sent_to_a_mapping_that_has_not_settled() -> None:
    world = burst(unsettled={"etl-load"})
    planned = world.cycle()
    assert [each.function for each in planned.actions if isinstance(each, Turn)] == ["report-gen"]
    assert "its last change has not settled yet" in reasons(planned)[1]


def test_a_queue_with_a_batch_takes_one_slot_from_the_others_not_the_lowest_setting() -> None:
    trickling = {f"trickle-{number}": 3 for number in range(20)}
    world = World(
        policy({name: background() for name in ("etl-load", *trickling)}),
        backlog={"etl-load": 20_000, **trickling},
        in_use={"api": 610},
    )
    world.cycle()
    assert world.limits() == {"etl-load": 190 - 20}


def test_floors_hold_where_no_pause_is_allowed() -> None:
    world = burst(in_use={"api": 900})
    planned = world.cycle()
    assert world.limits() == {"etl-load": 2, "report-gen": 2}
    assert "2 is the lowest that AWS takes" in reasons(planned)[0]


def test_the_lowest_share_is_paused_where_floors_do_not_fit_and_resumes() -> None:
    world = burst(in_use={"api": 798})
    world.policy.functions["etl-load"] = background(allow_pause=True)
    world.policy.functions["report-gen"] = background(allow_pause=True, share=2)
    planned = world.cycle()
    assert not world.knobs["etl-load"].enabled
    assert world.knobs["report-gen"] == Knobs(max_concurrency=2)
    assert reasons(planned)[0].startswith("etl-load: unlimited → paused: user-facing demand 798")
    world.in_use = {"api": 700}
    world.cycles(400)
    assert world.knobs["etl-load"].enabled
    world.backlog.clear()
    world.cycles(200)
    assert world.knobs == {"etl-load": Knobs(), "report-gen": Knobs()}


def test_provisioned_pollers_are_turned_in_tens_and_not_below_their_minimum() -> None:
    world = burst(knobs={"etl-load": Knobs(max_pollers=50)}, min_pollers={"etl-load": 3})
    world.cycle()
    assert world.knobs["etl-load"] == Knobs(max_pollers=9)
    world.in_use = {"api": 990}
    world.at_s += 100
    world.cycle()
    assert world.knobs["etl-load"] == Knobs(max_pollers=3)


def test_batches_grow_while_a_mapping_is_held_back_and_shrink_again() -> None:
    world = burst(backlog={"etl-load": 20_000})
    world.policy.functions["etl-load"] = background(max_batch_size=500)
    planned = world.cycle()
    assert world.knobs["etl-load"] == Knobs(max_concurrency=190, batch_size=500, window_s=1)
    assert "unlimited → 190, batches of 10 → 500" in reasons(planned)[0]
    world.cycles(100)
    assert world.knobs["etl-load"].batch_size == 500
    world.backlog.clear()
    world.cycles(200)
    assert world.knobs["etl-load"] == Knobs()


def test_a_fifo_queues_batches_grow_to_ten_at_most() -> None:
    world = burst(backlog={"etl-load": 20_000}, knobs={"etl-load": Knobs(batch_size=4)})
    world.policy.functions["etl-load"] = background(max_batch_size=500)
    observed = world.observed()
    queues = {name: replace(queue, fifo=True) for name, queue in observed.queues.items()}
    planned = plan(Resolver(world.policy), replace(observed, queues=queues), Memory())
    (turn,) = planned.actions
    assert isinstance(turn, Turn)
    assert (turn.after.batch_size, turn.after.window_s) == (10, 0)


def test_short_invocations_need_less_than_long_ones() -> None:
    world = burst(duration_s={"etl-load": 6.0, "report-gen": 59.0}, in_use={"api": 700})
    world.cycle()
    assert world.limits() == {"etl-load": 20, "report-gen": 80}


# ------------------------------------------------------------------------------- left alone


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


# ------------------------------------------------------------------------------- what was sent


def states(planned: Plan) -> list[State]:
    """How the changes of earlier cycles stand."""
    return [each.state for each in planned.confirmations]


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


# ------------------------------------------------------------------------------- restore


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
