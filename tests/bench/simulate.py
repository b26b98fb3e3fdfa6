"""The simulator's speed, and what the governor reaches in the scenarios that come along."""

import gc
from functools import partial
from statistics import fmean
from time import process_time

from governor.simulate.reading import read, shipped
from governor.simulate.results import Figures, simulate
from governor.simulate.scenario import PolicyName
from tests.bench.figures import Bound, Figure, median

KNOCK = "knock"
ROUNDS = 3


def _run(scenario: str, policy: PolicyName, seed: int) -> Figures:
    return simulate(read(scenario), policy, seed, lambda _: None).figures


def simulate_speed() -> list[Figure]:
    """Invocations per second of one core, with the governor on."""
    speeds, invocations = [], 0
    for _ in range(ROUNDS):
        gc.collect()
        started = process_time()
        invocations = _run(KNOCK, "governor", 1).invocations
        speeds.append(invocations / (process_time() - started))
    return [
        Figure(
            "simulate: invocations per second of one core, governor on (knock)",
            median(speeds),
            f"{invocations:,} invocations; "
            + ", ".join(f"{speed:,.0f}" for speed in sorted(speeds)),
            Bound.AT_LEAST,
            50_000,
            "/s",
        )
    ]


def simulate_knock() -> list[Figure]:
    """Five seeds of the burst that the project began with."""
    seeds = range(1, 6)
    none, governor, oracle = (
        [_run(KNOCK, policy, seed) for seed in seeds] for policy in ("none", "governor", "oracle")
    )
    invocations = sum(each.invocations for each in governor)
    refused = sum(each.user_refused for each in governor)
    requests = sum(each.user_requests for each in governor)
    throttled = sum(each.user_refused for each in none) / sum(each.user_requests for each in none)
    took_s = [each.completion_s or 0.0 for each in governor]
    least_s = [each.completion_s or 0.0 for each in oracle]
    p99_s = fmean(each.user_p99_s or 0.0 for each in governor)
    alone_s = fmean(each.user_p99_s or 0.0 for each in oracle)
    wasted = sum(each.wasted_slot_s for each in governor)
    figure = partial(Figure, side=Bound.AT_MOST)
    return [
        figure(
            "knock: user-facing requests refused, by AWS or the governor",
            refused,
            f"of {requests:,} in 5 seeds, {invocations:,} invocations",
            bound=0,
        ),
        Figure(
            "knock: the same without a governor",
            100 * throttled,
            "of user-facing requests",
            Bound.AT_LEAST,
            1,
            "%",
        ),
        figure(
            "knock: a burst is done, governor ÷ oracle",
            fmean(took_s) / fmean(least_s),
            f"{fmean(took_s):.0f} s and {fmean(least_s):.0f} s; "
            + ", ".join(f"{one / other:.2f}" for one, other in zip(took_s, least_s, strict=True)),
            bound=1.25,
        ),
        figure("knock: slot-seconds reserved and idle", wasted, "with the governor", bound=0),
        figure(
            "knock: user-facing p99 ÷ that of users who have the pool for themselves",
            p99_s / alone_s,
            f"{p99_s * 1000:,.0f} ms and {alone_s * 1000:,.0f} ms",
            bound=1.05,
        ),
    ]


def simulate_dead_letters() -> list[Figure]:
    """Messages that were denied and then lost to a dead-letter queue, in all scenarios."""
    found = {name: _run(name, "governor", 1) for name in shipped()}
    return [
        Figure(
            "simulate: messages in a dead-letter queue because of the governor, all scenarios",
            sum(each.dead_denied for each in found.values()),
            ", ".join(f"{name} {each.background_denied:,} denied" for name, each in found.items()),
            Bound.AT_MOST,
            0,
        )
    ]
