"""Counts what the invocations of a trial were answered, in bounded memory. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Final

WORST_MINUTES: Final = 10
"""The minutes with most denials that are told one by one."""

_MINUTE_MS: Final = 60_000


@dataclass(slots=True)
class Waits:
    """How long invocations waited before they ran, or were denied after all."""

    ran: int = 0
    gave_up: int = 0
    total_ms: int = 0
    longest_ms: int = 0

    def add(self, waited_ms: int) -> None:
        """Count one."""
        self.total_ms += waited_ms
        self.longest_ms = max(self.longest_ms, waited_ms)


@dataclass(order=True, frozen=True, slots=True)
class Minute:
    """A minute in which invocations were denied; `at_ms` is its start, in ms since 1970."""

    denied: int
    at_ms: int
    came: int = field(compare=False)
    functions: Mapping[str, int] = field(compare=False)
    """How many of whom."""


class Tally:
    """What one policy came to. Grows with functions and scopes, not with time."""

    def __init__(self, name: str) -> None:
        """Tally for the policy called `name`."""
        self.name = name
        self.arrivals: Counter[str] = Counter()
        self.denials: Counter[tuple[str, str]] = Counter()
        """By function and the scope that denied."""
        self.shadow_denials: Counter[tuple[str, str]] = Counter()
        self.peaks: Counter[str] = Counter()
        self.waits = Waits()
        self._worst: list[Minute] = []
        self._minute = 0
        self._came = 0
        self._denied: Counter[str] = Counter()

    def came(self, function: str, at_ms: int) -> None:
        """Count one that asks to run."""
        if at_ms // _MINUTE_MS != self._minute:
            self._turn(at_ms // _MINUTE_MS)
        self.arrivals[function] += 1
        self._came += 1

    def denied(self, function: str, scope: str, at_ms: int) -> None:
        """Count one that did not run."""
        if at_ms // _MINUTE_MS != self._minute:
            self._turn(at_ms // _MINUTE_MS)
        self.denials[function, scope] += 1
        self._denied[function] += 1

    def would_be_denied(self, function: str, scope: str) -> None:
        """Count one that ran because `scope` is a shadow."""
        self.shadow_denials[function, scope] += 1

    def waited(self, waited_ms: int) -> None:
        """Count one that ran after it had waited."""
        self.waits.ran += 1
        self.waits.add(waited_ms)

    def gave_up(self, waited_ms: int) -> None:
        """Count one that waited for nothing."""
        self.waits.gave_up += 1
        self.waits.add(waited_ms)

    def note_peaks(self, peaks: Mapping[str, int]) -> None:
        """Keep the highest of each scope."""
        self.peaks |= Counter(peaks)

    def worst(self) -> list[Minute]:
        """Return the minutes with most denials, the worst first."""
        self._turn(self._minute)
        return sorted(self._worst, reverse=True)

    def _turn(self, minute: int) -> None:
        if self._denied:
            at_ms, count = self._minute * _MINUTE_MS, self._denied.total()
            ended = Minute(count, at_ms, self._came, dict(self._denied))
            (heappush if len(self._worst) < WORST_MINUTES else heappushpop)(self._worst, ended)
            self._denied = Counter()
        self._minute, self._came = minute, 0
