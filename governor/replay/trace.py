"""The values that the room's modules exchange: traffic by function, step by step. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from governor.facts import Facts
from governor.policy import Policy


@dataclass(frozen=True, slots=True)
class Chapter:
    """What held while a part of the record was made."""

    policy: Policy = field(default_factory=Policy)
    facts: Facts = field(default_factory=Facts)
    queue_fed: frozenset[str] = frozenset()
    """Functions of which the controller knew that queues feed them."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came to one function in one step."""

    granted: int = 0
    denied: int = 0
    in_use: int | None = None
    """At the step's end, where that was seen: durations follow from it."""
    duration_ms: float = 0.0
    """Mean of those that came, where `in_use` was not seen."""


@dataclass(frozen=True, slots=True)
class Step:
    """Traffic between two looks at the pool; times in ms since 1970.

    In a `gap` nobody looked: only each function's `in_use` at its end is known.
    """

    start_ms: int
    end_ms: int
    chapter: Chapter
    traffic: Mapping[str, Traffic]
    gap: bool = False


class Source(Protocol):
    """Where steps come from: a record, or CloudWatch's metrics."""

    @property
    def read(self) -> float:
        """How much of it was read, 0 to 1."""

    @property
    def flaws(self) -> Mapping[str, int]:
        """What was wrong with it, and how often."""

    def steps(self) -> Iterator[Step]:
        """Yield the steps from the first; each call begins anew. Raises `InvalidInputError`."""


class Flaws(Counter[str]):
    """What is wrong with a source, and how often; each kind tells its first place."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self._told: dict[str, str] = {}

    def note(self, what: str, where: str) -> None:
        """Count one more of `what`, at `where`."""
        self[self._told.setdefault(what, f"{what} (first: {where})")] += 1
