"""When work arrives, and how much: the same for every policy, window by window."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, pi
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from governor.simulate.durations import Sampler, sampler, stream
from governor.simulate.recorded import Flaws, Recording, durations
from governor.simulate.scenario import (
    Arrivals,
    BurstAt,
    Diurnal,
    Function,
    Poisson,
    Recorded,
    RecordedDurations,
    Scenario,
    Step,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_S: Final = 60.0
"""Arrivals are drawn for so long at a time."""


@dataclass(slots=True, eq=False)
class Burst:
    """Work that came together. `ended_s` is when the last of it was done (or lost)."""

    function: str
    began_s: float
    left: int
    ended_s: float | None = None

    def less(self, now_s: float) -> None:
        """Count one as over."""
        self.left -= 1
        if self.left == 0:
            self.ended_s = now_s


Window = Iterator[tuple[float, int, float, Burst | None]]
"""Arrivals in order: when (s), of which function (its index), how long it takes (s), its burst."""


class Traffic:
    """All arrivals of a scenario for one seed."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        """Draw nothing yet."""
        self.bursts: list[Burst] = []
        self._length_s = scenario.head.length_s
        none = np.zeros(0, dtype=np.int64)
        self._later = _Drawn(np.zeros(0), none, np.zeros(0), none)
        self._folder = Path(scenario.folder)
        self._entries = {each.family: each.entry for each in scenario.functions}.values()
        self._recordings = {
            spec.file: Recording(self._folder / spec.file)
            for entry in self._entries
            for spec in entry.arrivals
            if isinstance(spec, Recorded)
        }
        self._flows = [
            _flow(scenario, index, function, seed, self._recordings)
            for index, function in enumerate(scenario.functions)
        ]

    @property
    def flaws(self) -> dict[str, Flaws]:
        """What was wrong with recorded files, by file; of arrivals as far as they were read."""
        return {name: each.flaws for name, each in self._recordings.items()} | {
            spec.file: durations(self._folder / spec.file)[1]
            for entry in self._entries
            for spec in (entry.duration, entry.cold_start)
            if isinstance(spec, RecordedDurations)
        }

    def windows(self) -> Iterator[tuple[float, Window]]:
        """Yield the end (s) and the arrivals of one window after the other.

        The last ones are later than the scenario's end where a burst is spread beyond it.
        """
        from_s = 0.0
        while from_s < self._length_s:
            until_s = min(from_s + WINDOW_S, self._length_s)
            drawn = [each for flow in self._flows for each in self._drawn(flow, from_s, until_s)]
            yield until_s, self._window(drawn, until_s)
            from_s = until_s
        if len(self._later.at_s):
            yield float(self._later.at_s.max()), self._window([], inf)

    def _drawn(self, flow: "_Flow", from_s: float, until_s: float) -> Iterator["_Drawn"]:
        for at_s, burst in flow.between(from_s, until_s):
            number = -1
            if burst is not None:
                number = len(self.bursts)
                self.bursts.append(burst)
            count = len(at_s)
            yield _Drawn(
                at_s, np.full(count, flow.index), flow.takes(count), np.full(count, number)
            )

    def _window(self, drawn: Sequence["_Drawn"], until_s: float) -> Window:
        """Return in order what arrives before `until_s`; what does not is for later windows."""
        found = _Drawn.joined([self._later, *drawn])
        found = found.at(np.argsort(found.at_s, kind="stable"))
        now = int(np.searchsorted(found.at_s, until_s))
        self._later = found.at(slice(now, None))
        found = found.at(slice(now))
        of_burst: list[Burst | None] = [*self.bursts, None]
        return zip(
            found.at_s.tolist(),
            found.index.tolist(),
            found.takes_s.tolist(),
            [of_burst[number] for number in found.burst.tolist()],
            strict=True,
        )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Arrivals by column; `burst` is a place in the list of bursts, -1: none."""

    at_s: "NDArray[np.float64]"
    index: "NDArray[np.int64]"
    takes_s: "NDArray[np.float64]"
    burst: "NDArray[np.int64]"

    @classmethod
    def joined(cls, parts: Sequence["_Drawn"]) -> "_Drawn":
        return cls(
            np.concatenate([each.at_s for each in parts]),
            np.concatenate([each.index for each in parts]),
            np.concatenate([each.takes_s for each in parts]),
            np.concatenate([each.burst for each in parts]),
        )

    def at(self, places: "slice | NDArray[np.intp]") -> "_Drawn":
        return _Drawn(
            self.at_s[places], self.index[places], self.takes_s[places], self.burst[places]
        )


@dataclass(slots=True)
class _Flow:
    """What arrives at one function."""

    index: int
    name: str
    specs: Sequence[Arrivals]
    random: np.random.Generator
    takes: Sampler
    recordings: Mapping[str, Recording]

    def between(
        self, from_s: float, until_s: float
    ) -> Iterator[tuple["NDArray[np.float64]", Burst | None]]:
        for spec in self.specs:
            match spec:
                case BurstAt():
                    yield from _bursts(self.name, spec, from_s, until_s)
                case Recorded(file=name):
                    found = self.recordings[name].until(until_s)
                    if len(found):
                        yield found, None
                case _:
                    found = _thinned(self.random, spec, from_s, until_s)
                    if len(found):
                        yield found, None


def _flow(
    scenario: Scenario,
    index: int,
    function: Function,
    seed: int,
    recordings: Mapping[str, Recording],
) -> _Flow:
    entry = function.entry
    takes = sampler(entry.duration, stream(seed, function.name, "takes"), scenario.folder)
    arrivals = stream(seed, function.name, "arrivals")
    return _Flow(index, function.name, entry.arrivals, arrivals, takes, recordings)


def _bursts(
    name: str, spec: BurstAt, from_s: float, until_s: float
) -> Iterator[tuple["NDArray[np.float64]", Burst | None]]:
    """The bursts that begin in a window; one that is spread may reach beyond it."""
    every_s = spec.every_s or inf
    number = max(0, floor((from_s - spec.at_s) / every_s))
    begins_s = spec.at_s + (number * every_s if number else 0)
    while begins_s < until_s:
        if begins_s >= from_s:
            at_s = np.linspace(begins_s, begins_s + spec.over_s, spec.count, endpoint=False)
            yield at_s, Burst(name, begins_s, spec.count)
        number += 1
        begins_s = spec.at_s + number * every_s


def _thinned(
    random: np.random.Generator, spec: Poisson | Diurnal | Step, from_s: float, until_s: float
) -> "NDArray[np.float64]":
    """A Poisson process whose rate moves: drawn at the highest rate, then thinned out."""
    rate, most = _rate(spec)
    count = random.poisson(most * (until_s - from_s))
    at_s = random.uniform(from_s, until_s, count)
    kept = at_s[random.uniform(0, most, count) < rate(at_s)] if count else at_s
    return np.sort(kept)


def _rate(
    spec: Poisson | Diurnal | Step,
) -> tuple[Callable[["NDArray[np.float64]"], "NDArray[np.float64]"], float]:
    """Return the rate as a function of time, and the most that it gets."""
    match spec:
        case Poisson(rate=rate):
            return (lambda at_s: np.full(len(at_s), rate)), rate
        case Diurnal(rate=rate, swing=swing, period_s=period_s, peak_s=peak_s):
            return (
                lambda at_s: rate * (1 + swing * np.cos(2 * pi * (at_s - peak_s) / period_s))
            ), rate * (1 + swing)
        case Step(rate=rate, from_s=from_s, until_s=until_s, ramp_s=ramp_s):
            ramp_s = max(ramp_s, 1e-9)
            return (
                lambda at_s: (
                    rate * np.clip(np.minimum(at_s - from_s, until_s - at_s) / ramp_s, 0, 1)
                )
            ), rate
