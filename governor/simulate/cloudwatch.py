"""CloudWatch, as far as the controller asks it: by the minute, and late."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from governor.controller.aws.metrics import MINUTE_S, Points
from governor.simulate.gates import EPOCH_S
from governor.simulate.pool import Pool
from governor.simulate.timeline import Timeline
from governor.simulate.work import Running

LAG_S: Final = 60.0
"""A minute's figures are there so long after its end (observed: one to three minutes late)."""

_KEPT: Final = 5
"""Minutes that are asked for."""


class CloudWatch:
    """The last minutes' figures; each is read once a minute, as the controller does."""

    def __init__(self, timeline: Timeline, pool: Pool, functions: Sequence[Running]) -> None:
        """Measure from now on."""
        self._timeline = timeline
        self._pool = pool
        self._functions = functions
        self._before = [(0, 0.0)] * len(functions)
        self._unreserved: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._duration_s: dict[str, tuple[float, float]] = {}
        timeline.at(MINUTE_S, self._close, None)

    @property
    def unreserved(self) -> Points:
        """UnreservedConcurrentExecutions (Maximum)."""
        return Points(tuple(sorted(self._unreserved, reverse=True)))

    def duration_s(self, function: str) -> float | None:
        """Duration (Average) of the newest minute in which the function ran, if that is not old."""
        begin_s, value = self._duration_s.get(function, (0.0, 0.0))
        return value if begin_s >= self._now_s - _KEPT * MINUTE_S else None

    @property
    def _now_s(self) -> float:
        return EPOCH_S + self._timeline.now_s

    def _close(self, _: None) -> None:
        """End a minute; its figures are published later."""
        begin_s = self._now_s - MINUTE_S
        durations: dict[str, float] = {}
        for index, function in enumerate(self._functions):
            tally = function.tally
            took, took_s = self._before[index]
            if tally.took > took:
                durations[function.name] = (tally.took_s - took_s) / (tally.took - took)
                self._before[index] = (tally.took, tally.took_s)
        peak, self._pool.peak = self._pool.peak, self._pool.in_use
        now_s = self._timeline.now_s
        self._timeline.at(now_s + LAG_S, self._publish, (begin_s, peak, durations))
        self._timeline.at(now_s + MINUTE_S, self._close, None)

    def _publish(self, minute: tuple[float, int, dict[str, float]]) -> None:
        begin_s, peak, durations = minute
        self._unreserved.append((begin_s, float(peak)))
        self._duration_s |= {name: (begin_s, value) for name, value in durations.items()}
