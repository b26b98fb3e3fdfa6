"""When cycles are due. Pure."""

from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final

_SPARE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """From one cycle's begin to the next one's end: so soon is a demand answered that one misses.

    Cycles begin early enough for that if they take as long as the last one, and `_SPARE_S` more.
    """

    every_s: float = 10.0
    urgent_s: float = 2.0
    """While user-facing functions live on a scope's headroom."""
    look_s: float = 0.5
    """How often the ledger is asked whether they do."""


class Due(Enum):
    """Whether a cycle is."""

    NOW = "now"
    IF_URGENT = "if urgent"
    """If user-facing functions live on a scope's headroom."""
    NOT_YET = "not yet"


class Rhythm:
    """One cycle after the other at a pace. Times are in seconds of whatever clock."""

    def __init__(self, pace: Pace) -> None:
        """Begin with a cycle that is due."""
        self._pace = pace
        self._due_s = self._due_if_urgent_s = -inf

    def ran(self, began_s: float, ended_s: float) -> None:
        """Know of the last cycle."""
        early_s = ended_s - began_s + _SPARE_S
        self._due_s = began_s + self._pace.every_s - early_s
        self._due_if_urgent_s = began_s + self._pace.urgent_s - early_s

    def due(self, now_s: float) -> Due:
        """Say whether the next cycle should begin."""
        if now_s >= self._due_s:
            return Due.NOW
        return Due.IF_URGENT if now_s >= self._due_if_urgent_s else Due.NOT_YET

    def next_look_s(self, now_s: float) -> float:
        """Return when to see whether one is due: later than `now_s`, and then it may be."""
        ahead = [at_s for at_s in (self._due_if_urgent_s, self._due_s) if at_s > now_s]
        return min([now_s + self._pace.look_s, *ahead])
