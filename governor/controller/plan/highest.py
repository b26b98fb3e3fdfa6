"""The filter before every figure that a plan counts with: up at once, down when it is sure. Pure.

What goes up and down by a tenth around a level is held at its highest, so that nothing that is
derived from it moves. A fall by more than a fifth is believed after a minute, a smaller one after
five.
"""

from collections.abc import Mapping
from typing import Final

from governor.controller.memory import Highest

STEP_S: Final = 10
"""Values within a step are remembered as one, the highest."""

SOON_S: Final = 60
"""After this time a fall to less than `MUCH` is believed."""

LATE_S: Final = 300
"""After this time any fall is believed."""

MUCH: Final = 0.8
"""Below this part of the held value a fall is more than noise: 0.9 / 1.1 is 0.82."""


class Watch:
    """The cycle's figures through the filter, on top of those of the cycles before."""

    def __init__(self, before: Mapping[str, Highest], at_s: float) -> None:
        """Go on from `before` at the time `at_s`, in seconds."""
        self._before = before
        self._now = int(at_s // STEP_S) * STEP_S
        self.after: dict[str, Highest] = {}
        """What to go on from in the next cycle."""

    def held(self, name: str, value: int) -> int:
        """Return what to count with for the figure `name`, which is `value` now."""
        before = self._before.get(name)
        if before is None:
            if value > 0:
                self.after[name] = Highest(value, ((self._now, value),))
            return max(0, value)
        after = _seen(before, value, self._now)
        if after.held > 0:
            self.after[name] = after
        return after.held

    def last(self, name: str) -> int:
        """Return what the figure `name`, which can't be read now, was last counted with."""
        before = self._before.get(name)
        if before is None:
            return 0
        self.after[name] = before
        return before.held


def _seen(before: Highest, value: int, now: int) -> Highest:
    recent = [each for each in before.recent if now - LATE_S <= each[0] <= now]
    while recent and recent[-1][1] <= value:
        recent.pop()
    if not recent or recent[-1][0] != now:  # else the step has a higher value already
        recent.append((now, value))
    if value >= before.held:
        return Highest(value, tuple(recent))
    soon = [each for each in recent if each[0] >= now - SOON_S]
    if soon[0][1] == 0 or soon[0][1] + 1 < before.held * MUCH:  # 2 of 3 is a matter of rounding
        return Highest(soon[0][1], tuple(soon))
    return Highest(min(before.held, recent[0][1]), tuple(recent))
