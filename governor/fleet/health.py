"""Whether functions do worse than they did. Pure."""

from dataclasses import dataclass
from typing import Final

ENOUGH: Final = 20
"""Invocations from which on their figures say something."""

MORE_ERRORS: Final = 0.01
SLOWER: Final = 1.5
SLOWER_MS: Final = 50.0
"""A check-in costs a few milliseconds; what is more than this is not the check-in."""


@dataclass(frozen=True, slots=True)
class Health:
    """How functions did for a while, taken together."""

    invocations: int = 0
    errors: int = 0
    duration_ms: float = 0.0
    """Of all invocations together."""

    @property
    def error_rate(self) -> float:
        """The part of invocations that failed."""
        return self.errors / self.invocations if self.invocations else 0.0

    @property
    def mean_ms(self) -> float:
        """An invocation's mean duration."""
        return self.duration_ms / self.invocations if self.invocations else 0.0


def harm(before: Health, after: Health) -> str:
    """Say what got worse, so much that it is not chance; "" if nothing did.

    Fewer than 20 invocations say nothing. Errors may be one in a hundred more, and no more than
    twice what they were; the mean duration may be half as much again and 50 ms more.
    """
    if after.invocations < ENOUGH:
        return ""
    if after.error_rate > max(before.error_rate + MORE_ERRORS, 2 * before.error_rate):
        return (
            f"{after.error_rate:.1%} of {after.invocations} invocations failed, "
            f"{before.error_rate:.1%} of {before.invocations} before"
        )
    limit_ms = before.mean_ms * SLOWER + SLOWER_MS
    if before.invocations >= ENOUGH and after.mean_ms > limit_ms:
        return (
            f"{after.invocations} invocations took {after.mean_ms:.0f} ms on average, "
            f"{before.mean_ms:.0f} ms before"
        )
    return ""
