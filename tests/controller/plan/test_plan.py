"""What the plan does with mappings: cuts, raises, pauses, puts back."""

from dataclasses import replace

import msgspec

from governor.controller.actions import Turn
from governor.controller.memory import Memory
from governor.controller.observed import Knobs
from governor.controller.plan import plan
from governor.model import Mode
from governor.policy import Function, Group
from governor.resolver import Resolver
from tests.controller.worlds import World, background, burst, policy, reasons


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
