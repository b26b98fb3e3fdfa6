"""What is played: how long, and when the burst comes. Values only."""

from dataclasses import dataclass
from typing import Final

CALM: Final = 1 / 15
"""The part of the whole before the burst, in either act: users only."""

MESSAGES: Final = 180
PER_S: Final = 2.4
"""A longer show has more messages: for each of its seconds so many."""


@dataclass(frozen=True, slots=True)
class Act:
    """One half of the show: a burst of `messages` comes `burst_at_s` after its begin."""

    length_s: float
    burst_at_s: float
    messages: int


@dataclass(frozen=True, slots=True)
class Script:
    """Both acts, the same traffic in either: what is held back takes longer."""

    without: Act
    governed: Act


def script(seconds: float) -> Script:
    """A show of so many seconds, a third of them without the governor."""
    burst_at_s = seconds * CALM
    messages = max(MESSAGES, round(seconds * PER_S))
    return Script(
        Act(seconds / 3, burst_at_s, messages), Act(seconds * 2 / 3, burst_at_s, messages)
    )
