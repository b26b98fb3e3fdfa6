"""The simulator against what queueing theory knows exactly."""

import random
from collections.abc import Sequence
from math import exp
from pathlib import Path
from statistics import fmean, pvariance

import pytest

from governor.simulate.results import estimate
from tests.simulate.small import WARM, function, played

SEEDS = range(1, 9)


def erlang_b(servers: int, load: float) -> float:
    """Blocking of a loss system (Erlang B), by its recursion."""
    blocking = 1.0
    for number in range(1, servers + 1):
        blocking = load * blocking / (number + load * blocking)
    return blocking


def holds(expected: float, measured: Sequence[float]) -> bool:
    """Whether `expected` is within the confidence bounds of what the seeds gave, or nearly so."""
    found = estimate(measured)
    assert found is not None
    half = found.high - found.mean
    assert half < 0.2 * expected, "too vague to say anything"
    return abs(found.mean - expected) <= 1.5 * half


@pytest.mark.parametrize(
    "duration",
    ['{ kind = "fixed", ms = 500 }', '{ kind = "lognormal", p50_ms = 363, p99_ms = 2250 }'],
    ids=["fixed", "lognormal"],
)
@pytest.mark.parametrize("rate", [10, 18])
def test_throttling_is_that_of_a_loss_system(duration: str, rate: int) -> None:
    text = f"""
        length_s = 3000
        [account]
        limit = 10
        [functions.f]
        priority = "user-facing"
        source = {{ kind = "api", retries = 0 }}
        duration = {duration}
        {WARM}
        arrivals = [{{ kind = "poisson", rate = {rate} }}]
    """
    mean_s = 0.5 if "fixed" in duration else 0.363 * exp((1.8244 / 2.3263) ** 2 / 2)
    parts = []
    for seed in SEEDS:
        counted = function(played(text, seed=seed), "f")
        parts.append(counted["throttled"] / counted["arrived"])
    assert holds(erlang_b(10, rate * mean_s), parts)


def trunk_reservation(limit: int, headroom: int, users: float, background: float) -> list[float]:
    """How often so many are busy, where background work leaves the `headroom` alone.

    A birth-and-death chain; loads in Erlang, exponential durations of the same mean.
    """
    weights = [1.0]
    for busy in range(limit):
        load = users + (background if busy < limit - headroom else 0)
        weights.append(weights[-1] * load / (busy + 1))
    return [weight / sum(weights) for weight in weights]


def test_denials_are_those_of_trunk_reservation(tmp_path: Path) -> None:
    chance = random.Random(7)
    lines = "\n".join(str(chance.expovariate(1 / 400)) for _ in range(100_000))
    (tmp_path / "exponential.csv").write_text(lines)
    text = f"""
        length_s = 1000
        [governor]
        check_in_ms = 0
        denied_ms = 0
        policy = {{ account = {{ max_concurrency = 12, headroom = 3 }} }}
        [functions.users]
        priority = "user-facing"
        source = {{ kind = "api", retries = 0 }}
        duration = {{ kind = "recorded", file = "exponential.csv" }}
        {WARM}
        arrivals = [{{ kind = "poisson", rate = 20 }}]
        [functions.work]
        priority = "background"
        source = {{ kind = "api", retries = 0 }}
        duration = {{ kind = "recorded", file = "exponential.csv" }}
        {WARM}
        arrivals = [{{ kind = "poisson", rate = 15 }}]
    """
    shares = trunk_reservation(12, 3, 20 * 0.4, 15 * 0.4)
    users: list[float] = []
    work: list[float] = []
    for seed in SEEDS:
        world = played(text, "governor", seed, tmp_path)
        for name, parts in (("users", users), ("work", work)):
            counted = function(world, name)
            assert counted["throttled"] == 0
            parts.append(counted["denied"] / counted["arrived"])
    assert holds(shares[12], users)
    assert holds(sum(shares[9:]), work)


def test_an_endless_pool_holds_as_much_as_comes_for_as_long_as_it_takes() -> None:
    text = f"""
        length_s = 4000
        [functions.f]
        priority = "user-facing"
        source = {{ kind = "api" }}
        duration = {{ kind = "lognormal", p50_ms = 800, p99_ms = 4000 }}
        {WARM}
        arrivals = [{{ kind = "poisson", rate = 30 }}]
    """
    expected = 30 * 0.8 * exp((1.6094 / 2.3263) ** 2 / 2)
    means, scatters = [], []
    for seed in SEEDS:
        world = played(text, seed=seed)
        series = world.recorder.series
        warm = [
            count
            for at_s, count in zip(series.at_s, series.in_use["f"], strict=True)
            if 60 < at_s < 4000
        ]
        means.append(fmean(warm))
        scatters.append(pvariance(warm))
    assert holds(expected, means)
    assert holds(expected, scatters)  # it is Poisson's: variance and mean are the same
