"""What each policy does to the same traffic, on small examples of what the scenarios tell."""

from itertools import pairwise

import pytest

from governor.controller.actions import Turn
from governor.simulate.gates import EPOCH_S, Ledgered
from governor.simulate.results import Run, simulate
from governor.simulate.scenario import PolicyName
from tests.simulate.small import MIXED, WARM, function, played, scenario

BURST = f"""
title = "A burst beside an API"
length_s = 400
[account]
limit = 200
[governor.policy]
account = {{ max_concurrency = 200, headroom = 40 }}
[functions.api]
priority = "user-facing"
source = {{ kind = "api" }}
duration = {{ kind = "lognormal", p50_ms = 400, p99_ms = 2000 }}
{WARM}
arrivals = [{{ kind = "poisson", rate = 60 }}]
[functions.worker]
count = 3
priority = "background"
source = {{ kind = "sqs", batch_size = 1, visibility_s = 60, max_receive_count = 5 }}
duration = {{ kind = "fixed", ms = 1000 }}
timeout_s = 10
{WARM}
arrivals = [{{ kind = "burst", count = 10000, at_s = 60 }}]
reserved = 30
sqs_max = 30
"""


def run(policy: PolicyName, text: str = BURST) -> Run:
    return simulate(scenario(text), policy, 1, lambda _: None)


def test_without_a_governor_users_are_throttled() -> None:
    figures = run("none").figures
    assert figures.user_refused > 0.01 * figures.user_requests
    assert figures.user_lost > 0
    assert (figures.control_calls, figures.background_denied, figures.wasted_slot_s) == (0, 0, 0)


def test_the_governor_keeps_room_for_users_and_wastes_nothing() -> None:
    figures = run("governor").figures
    assert figures.user_refused == 0
    assert figures.background_denied > 0
    assert figures.control_calls > 0
    assert (figures.dead, figures.outstanding, figures.wasted_slot_s) == (0, 0, 0)


def test_reserved_concurrency_lies_idle() -> None:
    figures = run("reserved").figures
    assert figures.wasted_slot_s > 90 * 60  # until the burst comes
    assert figures.background_throttled > 0


def test_a_static_maximum_concurrency_is_slow() -> None:
    world = played(BURST, "sqs-max")
    assert max(world.recorder.series.in_use["worker"]) == 90
    assert function(world, "worker-1")["throttled"] == 0


def test_nobody_is_faster_than_the_oracle_which_harms_nobody() -> None:
    oracle = run("oracle").figures
    alone = run("none", BURST.replace("count = 10000", "count = 1")).figures
    assert oracle.user_refused == 0
    assert oracle.user_p99_s == pytest.approx(alone.user_p99_s, rel=0.01)
    assert oracle.completion_s is not None
    for policy in ("reserved", "sqs-max", "governor"):
        other = run(policy).figures.completion_s
        assert other is not None
        assert oracle.completion_s <= other * 1.02


def test_the_oracle_fills_what_users_leave_and_no_more() -> None:
    series = played(BURST, "oracle").recorder.series
    users, workers = series.in_use["api"], series.in_use["worker"]
    middle = [
        user + worker
        for at_s, user, worker in zip(series.at_s, users, workers, strict=True)
        if 90 < at_s < 150
    ]
    assert min(middle) > 190
    assert max(middle) < 215  # what started stays while users come


def test_the_oracle_keeps_groups_within_their_limits() -> None:
    text = BURST + 'policy = { groups = ["db"] }\n'
    text = text.replace(
        "[functions.api]", "groups = { db = { max_concurrency = 25 } }\n[functions.api]"
    )
    series = played(text, "oracle").recorder.series
    assert max(series.in_use["worker"]) == 25


def test_the_controller_cuts_within_seconds_and_it_holds_after_a_minute() -> None:
    world = played(BURST, "governor")
    assert world.control is not None
    first_s, first = world.control.done[0]
    assert 60 < first_s <= 70
    assert first.reason.startswith("worker-1: unlimited → ")
    series = world.recorder.series
    held = [
        count
        for at_s, count in zip(series.at_s, series.in_use["worker"], strict=True)
        if 150 < at_s < 200
    ]
    assert max(held) <= 200 - 40


def test_when_all_is_done_every_mapping_is_as_it_was() -> None:
    text = BURST.replace("length_s = 400", "length_s = 1200")
    world = played(text, "governor")
    assert world.control is not None
    last = {turn.function: turn for _, turn in world.control.done if isinstance(turn, Turn)}
    assert len(last) == 3
    assert all(turn.restores for turn in last.values())


def test_calls_stay_within_the_controllers_share() -> None:
    text = BURST.replace("count = 3", "count = 60").replace("= 30\n", "= 2\n")
    world = played(text.replace("count = 10000", "count = 500"), "governor")
    assert world.control is not None
    times = [at_s for at_s, _ in world.control.done]
    assert len(times) > 60
    calls = world.control.calls
    assert calls["lambda:ListTags", "withheld"] > 0
    assert sum(made for (_, outcome), made in calls.items() if outcome == "ok") < 3 * 450 + 20


def test_a_mapping_is_not_turned_again_before_it_has_settled() -> None:
    world = played(BURST, "governor")
    assert world.control is not None
    for name in ("worker-1", "worker-2", "worker-3"):
        times = [at_s for at_s, action in world.control.done if name in action.reason[:8]]
        assert all(later - earlier >= 60 for earlier, later in pairwise(times))


def test_events_are_never_lost_to_a_denial_they_wait_and_then_run() -> None:
    text = f"""
        length_s = 60
        [functions.events]
        priority = "background"
        source = {{ kind = "async" }}
        duration = {{ kind = "fixed", ms = 4000 }}
        timeout_s = 20
        {WARM}
        arrivals = [{{ kind = "burst", count = 30, at_s = 1 }}]
        policy = {{ max_concurrency = 5 }}
    """
    counted = function(played(text, "governor"), "events")
    assert (counted["done"], counted["lost"], counted["denied"]) == (30, 0, 0)
    assert counted["overruns"] == 15  # three rounds of five fit into the wait of half the timeout


def test_what_no_queue_feeds_is_braked_while_it_is_saturated() -> None:
    text = f"""
        length_s = 600
        [functions.events]
        priority = "background"
        source = {{ kind = "async" }}
        duration = {{ kind = "fixed", ms = 2000 }}
        {WARM}
        arrivals = [{{ kind = "step", rate = 20, from_s = 60, until_s = 240 }}]
        policy = {{ max_concurrency = 20 }}
    """
    world = played(text, "governor")
    assert world.control is not None
    reasons = [action.reason for _, action in world.control.done]
    assert reasons[0].startswith("events: no reservation → 20 reserved")
    assert "→ no reservation" in reasons[-1]
    assert function(world, "events")["lost"] == 0
    assert world.account_pool.limit == 1000
    assert world.account_pool.in_use == 0


def test_the_ledger_learns_when_a_message_must_not_be_denied_any_more() -> None:
    text = BURST.replace("max_receive_count = 5", "max_receive_count = 1")
    world = played(text, "governor")
    gate = world.gate
    assert isinstance(gate, Ledgered)
    assert gate.ledger.resolver.claim("worker-1").max_attempts == 1
    counted = [function(world, f"worker-{number}") for number in (1, 2, 3)]
    assert sum(each["overruns"] for each in counted) > 0
    assert sum(each["denied"] + each["dead"] for each in counted) == 0


def test_the_simulated_account_is_observed_as_cloudwatch_would_have_it() -> None:
    world = played(BURST, "governor")
    assert world.control is not None
    account = world.control.account
    observed = account.observe({}, EPOCH_S + world.timeline.now_s)
    took = observed.functions["worker-1"].duration_s
    assert took is None or took == pytest.approx(1.0, abs=0.1)
    assert observed.account is not None
    assert (observed.account.limit, observed.account.unreserved) == (200, 200)
    assert observed.mappings is not None
    assert {each.function for each in observed.mappings} == {f"worker-{n}" for n in (1, 2, 3)}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_message_goes_to_a_dead_letter_queue_because_of_a_denial(seed: int) -> None:
    without_errors = MIXED.replace("error_rate = 0.05", "")
    figures = simulate(scenario(without_errors), "governor", seed, lambda _: None).figures
    assert figures.background_denied > 0
    assert figures.dead == 0
