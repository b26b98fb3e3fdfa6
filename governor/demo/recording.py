"""What is written down of an act of the demo, as it goes. Values only.

Times are seconds since the act began.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from governor.demo.script import Act
from governor.demo.watch import Run


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stand. What runs, waits and is allowed is of now, the rest was counted so far."""

    at_s: float
    running: tuple[int, ...]
    """Invocations of each function in `governor.demo.fleet.FUNCTIONS`, which has users' first."""
    waiting: int
    """Messages that are not done with and not being worked on."""
    allowed: tuple[int | None, ...]
    """How many invocations each queue may make at a time; None: as many as AWS likes."""
    served: int
    """Requests of users that were answered."""
    throttled: int
    """Those that AWS refused: the pool was full."""
    denied: int
    """Those that the governor refused."""
    done: int
    """Messages."""
    background_throttled: int
    """Invocations, each try of a message."""
    background_denied: int
    failed: int
    """Invocations of whatever kind that ended in an error."""

    @property
    def users(self) -> int:
        """User-facing invocations that run."""
        return self.running[0]

    @property
    def background(self) -> int:
        """Background invocations that run."""
        return sum(self.running[1:])

    @property
    def refused(self) -> int:
        """Requests of users that got a 429, whoever's."""
        return self.throttled + self.denied


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the controller did or saw."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Recording:
    """An act. `runs` are from the handlers' notes, those from before its begin left out."""

    act: Act
    samples: Sequence[Sample]
    runs: Sequence[Run]
    events: Sequence[Event] = ()
    errors: Sequence[str] = ()
    """What the first invocations that failed had to say, each text once."""

    @property
    def last(self) -> Sample:
        """How it ended."""
        return self.samples[-1]

    @property
    def burst_took_s(self) -> float | None:
        """From the burst until all of its messages were done; None: some are not."""
        ends = [each.at_s for each in self.samples if each.done >= self.act.messages]
        return ends[0] - self.act.burst_at_s if ends else None
