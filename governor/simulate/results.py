"""What a run gives as figures, and what several seeds say together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct

from governor.simulate.scenario import PolicyName, Scenario
from governor.simulate.series import Series
from governor.simulate.work import Running
from governor.simulate.world import Tell, World

if TYPE_CHECKING:
    from numpy.typing import NDArray

_T95: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""Student's t at 97.5 % for 1, 2, … degrees of freedom (tables of the t distribution)."""

_NORMAL: Final = 1.96


class Figures(Struct, frozen=True):
    """One run in figures. Times in seconds; None: there was nothing to measure.

    `refused` counts requests that got a 429 at least once, of AWS or of the governor; of these,
    `throttled` and `denied` are the answers. `completion_s` is from a burst's first message until
    the last one of the bursts that came with it is done, on average. `above_group_s` is how
    long some group ran more than its max_concurrency. `control_calls` are calls to AWS.
    """

    user_requests: int
    user_refused: int
    user_throttled: int
    user_denied: int
    user_lost: int
    user_p50_s: float | None
    user_p99_s: float | None
    background_done: int
    background_per_s: float | None
    background_p99_s: float | None
    completion_s: float | None
    background_throttled: int
    background_denied: int
    overruns: int
    dead: int
    dead_denied: int
    lost: int
    outstanding: int
    utilisation: float
    wasted_slot_s: float
    above_group_s: float
    cold_starts: int
    invocations: int
    control_calls: int

    @property
    def user_refused_part(self) -> float:
        """Requests that were refused, as a part of all."""
        return self.user_refused / self.user_requests if self.user_requests else 0.0


class Estimate(Struct, frozen=True):
    """A mean over seeds, with the bounds of its 95 % confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a policy and a seed. `reasons` are what the controller did: when (s), and why."""

    policy: PolicyName
    seed: int
    figures: Figures
    series: Series
    flaws: tuple[str, ...]
    reasons: tuple[tuple[float, str], ...]


def simulate(scenario: Scenario, policy: PolicyName, seed: int, tell: Tell) -> Run:
    """Run a scenario under one policy with one seed."""
    world = World(scenario, policy, seed)
    world.run(tell)
    flaws = tuple(f"{name}: {each}" for name, each in world.traffic.flaws.items())
    done = world.control.done if world.control else ()
    reasons = tuple((at_s, action.reason) for at_s, action in done)
    return Run(policy, seed, _figures(world), world.recorder.series, flaws, reasons)


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """Return the mean of what was measured, None if nothing was. One value has no interval."""
    found = [value for value in values if value is not None]
    if not found:
        return None
    mean = fmean(found)
    if len(found) == 1:
        return Estimate(mean, mean, mean)
    freedom = len(found) - 1
    t = _T95[freedom - 1] if freedom <= len(_T95) else _NORMAL
    half = t * stdev(found) / sqrt(len(found))
    return Estimate(mean, mean - half, mean + half)


def _figures(world: World) -> Figures:
    users = [each for each in world.functions if each.user_facing]
    background = [each for each in world.functions if not each.user_facing]
    user_s, background_s = _latencies(users), _latencies(background)
    head = world.scenario.head
    calls = world.control.calls if world.control else {}
    done = _sum(background, "done")
    end_s = world.timeline.now_s
    return Figures(
        user_requests=_sum(users, "arrived"),
        user_refused=_sum(users, "refused"),
        user_throttled=_sum(users, "throttled"),
        user_denied=_sum(users, "denied"),
        user_lost=_sum(users, "lost"),
        user_p50_s=_percentile(user_s, 50),
        user_p99_s=_percentile(user_s, 99),
        background_done=done,
        background_per_s=done / end_s if background else None,
        background_p99_s=_percentile(background_s, 99),
        completion_s=_completion_s(world),
        background_throttled=_sum(background, "throttled"),
        background_denied=_sum(background, "denied"),
        overruns=_sum(world.functions, "overruns"),
        dead=_sum(world.functions, "dead"),
        dead_denied=_sum(world.functions, "dead_denied"),
        lost=_sum(background, "lost"),
        outstanding=world.outstanding,
        utilisation=world.recorder.used_s / (head.length_s * head.account.limit),
        wasted_slot_s=world.recorder.wasted_s,
        above_group_s=world.recorder.above_s,
        cold_starts=_sum(world.functions, "cold_starts"),
        invocations=_sum(world.functions, "invocations"),
        control_calls=sum(n for (_, outcome), n in calls.items() if outcome != "withheld"),
    )


def _sum(functions: Sequence[Running], what: str) -> int:
    return sum(getattr(function.tally, what) for function in functions)


def _latencies(functions: Sequence[Running]) -> "NDArray[np.float64]":
    return np.concatenate([np.zeros(0), *(function.tally.latency_s for function in functions)])


def _percentile(values: "NDArray[np.float64]", percent: float) -> float | None:
    return float(np.percentile(values, percent, overwrite_input=True)) if len(values) else None


def _completion_s(world: World) -> float | None:
    """Bursts of one instant belong together; one that has not ended counts as ending now."""
    background = {each.name for each in world.functions if not each.user_facing}
    ends: dict[float, float] = {}
    for burst in world.traffic.bursts:
        if burst.function in background:
            ended_s = world.timeline.now_s if burst.ended_s is None else burst.ended_s
            ends[burst.began_s] = max(ended_s, ends.get(burst.began_s, 0.0))
    return fmean(ended_s - began_s for began_s, ended_s in ends.items()) if ends else None
