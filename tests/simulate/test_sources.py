"""Who calls, and what becomes of what fails: conservation, retries, pollers, dead letters."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.controller.observed import Knobs
from governor.simulate.scenario import PolicyName
from governor.simulate.world import World
from tests.simulate.small import MIXED, WARM, function, played, scenario

POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)


def sqs(source: str = "", rest: str = "", count: int = 10_000) -> str:
    """A queue with so many messages of 10 s each, in batches of one unless `source` says more."""
    return f"""
        length_s = 600
        drain_s = 7200
        [account]
        limit = 2000
        [functions.worker]
        priority = "background"
        source = {{ kind = "sqs", {source or "batch_size = 1"} }}
        duration = {{ kind = "fixed", ms = 10000 }}
        {WARM}
        arrivals = [{{ kind = "burst", count = {count}, at_s = 10 }}]
        {rest}
    """


def in_use(world: World, name: str) -> dict[float, int]:
    series = world.recorder.series
    return dict(zip(series.at_s, series.in_use[name], strict=True))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", [1, 2])
def test_everything_ends_exactly_once(policy: PolicyName, seed: int) -> None:
    world = played(MIXED, policy, seed)
    for running in world.functions:
        tally = running.tally
        waiting = 0
        if running.name in world.queues:
            queue = world.queues[running.name]
            waiting = len(queue.visible) + queue.in_flight
        assert tally.arrived == tally.done + tally.lost + tally.dead + waiting
        assert running.in_use == 0
    assert world.account_pool.in_use == 0
    assert world.outstanding == 0


@settings(max_examples=25, deadline=None)
@given(
    limit=st.integers(1, 40),
    headroom=st.integers(0, 5),
    visibility_s=st.integers(5, 60),
    receives=st.integers(1, 5),
    errors=st.floats(0, 0.5),
    policy=st.sampled_from(POLICIES),
    seed=st.integers(1, 1000),
)
def test_conservation_whatever_the_account(  # noqa: PLR0913 - each is a dimension
    *,
    limit: int,
    headroom: int,
    visibility_s: int,
    receives: int,
    errors: float,
    policy: PolicyName,
    seed: int,
) -> None:
    text = f"""
        length_s = 60
        drain_s = 600
        [account]
        limit = {limit}
        [governor.policy]
        account = {{ headroom = {min(headroom, limit)} }}
        [functions.api]
        priority = "user-facing"
        source = {{ kind = "api" }}
        duration = {{ kind = "lognormal", p50_ms = 300, p99_ms = 3000 }}
        arrivals = [{{ kind = "poisson", rate = 5 }}]
        [functions.worker]
        priority = "background"
        source = {{ kind = "sqs", visibility_s = {visibility_s}, max_receive_count = {receives} }}
        timeout_s = 5
        duration = {{ kind = "fixed", ms = 100 }}
        error_rate = {errors}
        arrivals = [{{ kind = "burst", count = 300, at_s = 5, over_s = 10 }}]
    """
    world = played(text, policy, seed)
    for name in ("api", "worker"):
        counted = function(world, name)
        ended = counted["done"] + counted["lost"] + counted["dead"]
        assert ended <= counted["arrived"]
        if world.outstanding == 0:
            assert ended == counted["arrived"]
    assert world.account_pool.in_use <= limit
    assert all(series >= 0 for series in world.recorder.series.backlog)


@pytest.mark.parametrize("policy", POLICIES)
def test_all_policies_get_the_same_arrivals(policy: PolicyName) -> None:
    def arrived(world: World) -> list[int]:
        return [each.tally.arrived for each in world.functions]

    assert arrived(played(MIXED, policy, 5)) == arrived(played(MIXED, "none", 5))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_seed_gives_the_same_run_each_time(policy: PolicyName) -> None:
    first, again = played(MIXED, policy, 3), played(MIXED, policy, 3)
    assert vars(first.recorder.series) == vars(again.recorder.series)
    for one, other in zip(first.functions, again.functions, strict=True):
        assert [getattr(one.tally, each) for each in one.tally.__slots__] == [
            getattr(other.tally, each) for each in other.tally.__slots__
        ]
    assert vars(first.recorder.series) != vars(played(MIXED, policy, 4).recorder.series)


def test_pollers_begin_with_five_and_grow_by_five_a_second_to_1250() -> None:
    found = in_use(played(sqs(count=60_000)), "worker")
    assert found[10] == 0
    assert found[11] == 5
    assert found[21] == 55
    assert found[101] == 455
    assert max(found.values()) == 1250


def test_a_maximum_concurrency_holds_and_ramps_on_from_there() -> None:
    world = World(scenario(sqs("batch_size = 1, max_concurrency = 20")), "none", 1)
    turned = Knobs(batch_size=1)
    world.timeline.at(200, world.queues["worker"].turn, turned)
    world.run(lambda _: None)
    found = in_use(world, "worker")
    assert found[60] == found[199] == 20
    assert 20 < found[203] <= 36
    assert function(world, "worker")["done"] == 10_000


def test_a_paused_mapping_reads_nothing() -> None:
    world = World(scenario(sqs(count=100)), "none", 1)
    world.timeline.at(1, world.queues["worker"].turn, Knobs(enabled=False, batch_size=1))
    world.timeline.at(300, world.queues["worker"].turn, Knobs(batch_size=1))
    world.run(lambda _: None)
    found = in_use(world, "worker")
    assert max(count for at_s, count in found.items() if at_s < 300) == 0
    assert function(world, "worker")["done"] == 100


def test_a_batch_takes_as_long_as_its_messages() -> None:
    world = played(sqs("batch_size = 3", count=8))  # five at once, and after a second the rest
    took = [round(each, 1) for each in world.functions[0].tally.latency_s]
    assert took == [10, 10, 10, 10, 10, 31, 31, 31]


def test_messages_that_fail_too_often_go_to_the_dead_letter_queue() -> None:
    source = "batch_size = 1, visibility_s = 30, max_receive_count = 3"
    counted = function(played(sqs(source, "error_rate = 1", count=20)), "worker")
    assert (counted["dead"], counted["done"], counted["failed"]) == (20, 0, 60)


def test_without_a_dead_letter_queue_they_come_again_for_ever() -> None:
    world = played(sqs("batch_size = 1, visibility_s = 30", "error_rate = 1", count=20))
    assert function(world, "worker")["dead"] == 0
    assert world.outstanding == 20


def test_errors_make_lambda_ask_for_fewer_at_once() -> None:
    calm = in_use(played(sqs()), "worker")
    rough = in_use(played(sqs(rest="error_rate = 0.3")), "worker")
    assert rough[121] < calm[121] / 2


def test_a_throttled_batch_uses_up_one_receive_when_its_visibility_ends() -> None:
    source = "batch_size = 1, visibility_s = 60, max_receive_count = 2"
    rest = "reserved = 0"
    counted = function(played(sqs(source, rest, count=5), "reserved"), "worker")
    assert (counted["invocations"], counted["dead"]) == (0, 5)
    assert counted["throttled"] >= 10


def test_an_event_that_fails_comes_again_after_one_and_two_minutes() -> None:
    text = f"""
        length_s = 10
        [functions.f]
        priority = "background"
        source = {{ kind = "async" }}
        duration = {{ kind = "fixed", ms = 1000 }}
        {WARM}
        error_rate = 1
        arrivals = [{{ kind = "burst", count = 1 }}]
    """
    world = played(text)
    assert function(world, "f")["lost"] == 1
    busy = [at_s for at_s, count in in_use(world, "f").items() if count]
    assert busy == [1, 62, 183]


def test_a_throttled_event_is_kept_until_there_is_room() -> None:
    text = f"""
        length_s = 10
        drain_s = 20000
        [account]
        limit = 1
        [functions.f]
        priority = "background"
        source = {{ kind = "async" }}
        duration = {{ kind = "fixed", ms = 20000 }}
        {WARM}
        arrivals = [{{ kind = "burst", count = 20 }}]
    """
    counted = function(played(text), "f")
    assert (counted["done"], counted["lost"]) == (20, 0)
    assert counted["throttled"] > 20


def test_callers_give_up_after_their_retries() -> None:
    text = f"""
        length_s = 10
        [account]
        limit = 1
        [functions.f]
        priority = "user-facing"
        source = {{ kind = "api", retries = 3, retry_ms = 100 }}
        duration = {{ kind = "fixed", ms = 5000 }}
        {WARM}
        arrivals = [{{ kind = "burst", count = 2 }}]
    """
    counted = function(played(text), "f")
    assert (counted["done"], counted["lost"], counted["refused"]) == (1, 1, 1)
    assert counted["throttled"] == 4


def test_a_function_gets_a_thousand_new_environments_in_ten_seconds() -> None:
    text = """
        length_s = 20
        [account]
        limit = 5000
        [functions.f]
        priority = "user-facing"
        source = { kind = "api", retries = 0 }
        duration = { kind = "fixed", ms = 60000 }
        timeout_s = 100
        arrivals = [{ kind = "burst", count = 1500 }, { kind = "burst", count = 200, at_s = 10 }]
    """
    counted = function(played(text), "f")
    assert (counted["invocations"], counted["throttled"]) == (1200, 500)


def test_warm_environments_are_used_again_until_they_are_gone() -> None:
    text = """
        length_s = 2000
        [account]
        keep_warm_s = 300
        [functions.f]
        priority = "user-facing"
        source = { kind = "api" }
        duration = { kind = "fixed", ms = 1000 }
        arrivals = [
            { kind = "burst", count = 10 },
            { kind = "burst", count = 10, at_s = 290 },
            { kind = "burst", count = 10, at_s = 1000 },
        ]
    """
    assert function(played(text), "f")["cold_starts"] == 20


def test_what_runs_into_the_timeout_has_failed() -> None:
    text = """
        length_s = 10
        [functions.f]
        priority = "user-facing"
        source = { kind = "api" }
        duration = { kind = "fixed", ms = 60000 }
        timeout_s = 5
        arrivals = [{ kind = "burst", count = 3 }]
    """
    counted = function(played(text), "f")
    assert (counted["failed"], counted["lost"]) == (3, 3)
