"""From traffic by step to single invocations: when each comes, and when it goes. Pure.

Invocations that came in a step are spread over it at random (a Poisson process of which the number
is known), from a fixed seed. When they go follows from Little's law along the function's own curve:
how many have come, less how many are there, is how many have gone; the first to come is the first
to go. Where `in_use` was not seen, each lasts as long as the mean of its step.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from random import Random
from typing import Final, NamedTuple

from governor.replay.trace import Step, Traffic

SEED: Final = 20_230_817
LEARNING: Final = 0.05
"""What the newest invocation weighs in the mean duration of a function."""

UNKNOWN_DURATION_MS: Final = 1000.0
"""Of a denied invocation while no invocation of any function has ended yet."""


class Kind(IntEnum):
    """What happens to an invocation."""

    COMES = 0
    IS_THERE = 1
    """It was running when someone looked again; nobody knows when it came."""
    GOES = 2


class Event(NamedTuple):
    """One invocation, `serial`, comes or goes; times in ms since 1970."""

    at_ms: int
    order: int
    kind: Kind
    function: str
    serial: int


@dataclass(slots=True)
class _Function:
    """Who is there of a function, the first to come first: serial, when it came, even time."""

    there: deque[tuple[int, float, float]] = field(default_factory=deque)
    mean_ms: float | None = None


class Course:
    """Makes events of steps. Holds only who is there."""

    def __init__(self) -> None:
        """Start with nobody there."""
        self._random = Random(SEED)  # noqa: S311 - to repeat, not to guess
        self._functions: dict[str, _Function] = {}
        self._coming: list[Event] = []
        """Events that come after the last step's end."""
        self._count = 0
        self._mean_ms: float | None = None

    def events(self, step: Step) -> list[Event]:
        """Return what happens in `step`, in order of time."""
        for name, traffic in step.traffic.items():
            function = self._functions.setdefault(name, _Function())
            if step.gap:
                self._meet_again(name, function, step.end_ms, traffic.in_use or 0)
            elif traffic.in_use is None:
                self._come_for_a_while(name, step, traffic)
            else:
                self._follow(name, function, step, traffic, traffic.in_use)
        if step.gap:
            for name in [name for name in self._functions if name not in step.traffic]:
                self._meet_again(name, self._functions[name], step.end_ms, 0)
        events = sorted(self._coming)
        now = bisect_right(events, step.end_ms, key=lambda event: event.at_ms)
        self._coming = events[now:]
        return events[:now]

    def _follow(
        self, name: str, function: _Function, step: Step, traffic: Traffic, in_use: int
    ) -> None:
        """Let come who came; of all who were there then, let the first go until `in_use` are."""
        number = traffic.granted + traffic.denied
        times = self._times(step, number)
        denied = set(self._random.sample(range(number), traffic.denied)) if traffic.denied else ()
        even = iter(_evenly(step, traffic.granted))
        for index, at_ms in enumerate(times):
            serial = self._add(at_ms, Kind.COMES, name)
            if index in denied:
                self._add(at_ms + self._usual_ms(function), Kind.GOES, name, serial)
            else:
                function.there.append((serial, at_ms, next(even)))
        gone = len(function.there) - in_use
        for even_ms in _evenly(step, gone):
            serial, came_ms, came_evenly_ms = function.there.popleft()
            lasted_ms = max(0.0, even_ms - came_evenly_ms)
            self._learn(function, lasted_ms)
            # The past can't be changed: who should have gone before this step goes at its start.
            self._add(max(came_ms + lasted_ms, step.start_ms), Kind.GOES, name, serial)
        for even_ms in _evenly(step, -gone):  # reinstated: they are there without having come
            function.there.append((self._add(even_ms, Kind.IS_THERE, name), even_ms, even_ms))

    def _come_for_a_while(self, name: str, step: Step, traffic: Traffic) -> None:
        for at_ms in self._times(step, traffic.granted + traffic.denied):
            serial = self._add(at_ms, Kind.COMES, name)
            self._add(at_ms + traffic.duration_ms, Kind.GOES, name, serial)

    def _meet_again(self, name: str, function: _Function, at_ms: int, in_use: int) -> None:
        """After a gap: nobody knows who came and went in it, only how many are there."""
        while len(function.there) > in_use:
            self._add(at_ms, Kind.GOES, name, function.there.popleft()[0])
        for _ in range(in_use - len(function.there)):
            function.there.append((self._add(at_ms, Kind.IS_THERE, name), at_ms, at_ms))

    def _times(self, step: Step, number: int) -> list[float]:
        length, draw = step.end_ms - step.start_ms, self._random.random
        return sorted(step.start_ms + length * draw() for _ in range(number))

    def _usual_ms(self, function: _Function) -> float:
        """How long one may have lasted that was denied."""
        known = (function.mean_ms, self._mean_ms, UNKNOWN_DURATION_MS)
        return next(each for each in known if each is not None)

    def _learn(self, function: _Function, lasted_ms: float) -> None:
        mean_ms = function.mean_ms
        function.mean_ms = lasted_ms if mean_ms is None else _moved(mean_ms, lasted_ms)
        self._mean_ms = lasted_ms if self._mean_ms is None else _moved(self._mean_ms, lasted_ms)

    def _add(self, at_ms: float, kind: Kind, name: str, serial: int | None = None) -> int:
        self._count += 1
        serial = self._count if serial is None else serial
        self._coming.append(Event(round(at_ms), self._count, kind, name, serial))
        return serial


def _moved(mean: float, value: float) -> float:
    return mean + LEARNING * (value - mean)


def _evenly(step: Step, number: int) -> list[float]:
    """Return `number` times that split the step evenly; none if `number` is not positive."""
    each = (step.end_ms - step.start_ms) / number if number > 0 else 0.0
    return [step.start_ms + each * (index + 0.5) for index in range(number)]
