"""What CloudWatch says now of minutes ago, held against what was counted then.

CloudWatch's concurrency is the highest of a minute and comes one to three minutes late. So it is
held against the peaks that the ledger keeps, and what was reserved is remembered for as long.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from governor.controller.aws.metrics import MINUTE_S, Points

PEAK_S: Final = 10
"""The ledger keeps a peak for so long a time (rule 14)."""

_KEPT_S: Final = 10 * MINUTE_S
_MINUTES: Final = 3
"""Minutes that are looked at; the newest one may not be over."""

_LASTING: Final = 2
"""In so many of them there must have been what is counted with."""


def ungoverned(unreserved: Points, peaks: Sequence[int], at_s: float) -> int:
    """The concurrency of the shared pool that the ledger does not count.

    `peaks` are the ledger's of the account in each `PEAK_S` up to `at_s`, oldest first. What only
    one minute shows was over before anybody knew, and need not have been ungoverned: where
    background work goes up fast, invocations that are denied hold a slot for a moment.
    """
    oldest = at_s // PEAK_S + 1 - len(peaks)
    excess = [0] * _LASTING
    for begin_s, value in unreserved.values[:_MINUTES]:
        first = int(max(0, begin_s // PEAK_S - oldest))
        then = peaks[first : first + MINUTE_S // PEAK_S] or peaks[-1:]
        excess.append(round(value) - max(then, default=0))
    return sorted(excess)[-_LASTING]


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    reserved: int | None


class History:
    """How much of the account was reserved in the last ten minutes, a sample per cycle."""

    def __init__(self) -> None:
        """Begin with none."""
        self._samples: deque[_Sample] = deque()

    def add(self, at_s: float, reserved: int | None) -> None:
        """Remember how much is reserved now; None: it is not known."""
        self._samples.append(_Sample(at_s, reserved))
        while self._samples[0].at_s < at_s - _KEPT_S:
            self._samples.popleft()

    def provisioned(self, unreserved: Points, claimed: Points) -> int:
        """Provisioned concurrency of the account beyond what is reserved.

        Claimed is unreserved use and everything allocated (developer guide, "Monitoring
        concurrency"), so that within one minute their difference is what is allocated.
        """
        used = dict(unreserved.values)
        for begin_s, value in claimed.values:
            reserved = [
                sample.reserved for sample in self._around(begin_s) if sample.reserved is not None
            ]
            if begin_s in used and reserved:
                return max(0, round(value - used[begin_s]) - reserved[-1])
        return 0

    def _around(self, begin_s: float) -> list[_Sample]:
        """The samples of a minute; where there are none, the nearest one."""
        within = [
            sample for sample in self._samples if begin_s <= sample.at_s <= begin_s + MINUTE_S
        ]
        return within or sorted(self._samples, key=lambda sample: abs(sample.at_s - begin_s))[:1]
