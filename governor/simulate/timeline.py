"""Simulated time: what is due, in order.

Entries are plain tuples, because a simulation lives or dies by this heap: time, a number that keeps
the order of equals, a bound method and what it is called with.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

from governor.simulate.arrivals import Burst

Receive = Callable[[float, Burst | None], None]
"""Takes an arrival: how long it takes (s), and its burst."""


class Timeline:
    """Carries out what is due, one after the other."""

    __slots__ = ("_due", "_number", "now_s")

    def __init__(self) -> None:
        """Begin at 0 s with nothing to do."""
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._number = 0

    def at(self, time_s: float, do: Callable[[Any], None], what: object) -> None:
        """Do something with `what` at `time_s`, which is not over yet."""
        self._number = number = self._number + 1
        heappush(self._due, (time_s, number, do, what))

    def play(
        self,
        arrivals: Iterable[tuple[float, int, float, Burst | None]],
        receivers: Sequence[Receive],
    ) -> None:
        """Go on through `arrivals`, which are in order, and all that is due before them."""
        due = self._due
        for at_s, index, takes_s, burst in arrivals:
            while due and due[0][0] <= at_s:
                self.now_s, _, do, what = heappop(due)
                do(what)
            self.now_s = at_s
            receivers[index](takes_s, burst)

    def run(self, until_s: float) -> None:
        """Go on until `until_s`."""
        due = self._due
        while due and due[0][0] <= until_s:
            self.now_s, _, do, what = heappop(due)
            do(what)
        self.now_s = until_s
