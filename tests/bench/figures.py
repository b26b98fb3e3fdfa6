"""What a benchmark gives: a figure, what it was made of, and what it must reach."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Bound(StrEnum):
    """On which side of its bound a figure must be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. Without a `bound` it is there to be read beside the others."""

    name: str
    value: float
    detail: str
    """The absolute numbers behind it."""
    side: Bound = Bound.AT_MOST
    bound: float | None = None
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure is what it must be."""
        if self.bound is None:
            return True
        match self.side:
            case Bound.AT_LEAST:
                return self.value >= self.bound
            case Bound.AT_MOST:
                return self.value <= self.bound


Benchmark = Callable[[], list[Figure]]


def median(values: list[float]) -> float:
    """Return the middle one of `values`, the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]
