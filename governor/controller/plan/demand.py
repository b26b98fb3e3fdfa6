"""What a mapping could use, and what it should have. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from governor.controller.observed import FunctionFacts, Knobs, Queue
from governor.controller.plan.knobs import MOST_ON_DEMAND, units

DRAIN_MS: Final = 60_000
"""A mapping needs so much that its queue is empty after this time."""

_MOST_MS: Final = 15 * 60_000
"""No invocation takes longer (Lambda's timeout limit)."""

_MOST_BATCHES: Final = 10**9


@dataclass(frozen=True, slots=True)
class Demand:
    """Invocations at a time. `need` ≤ `reach`; both 0 when nothing waits or runs.

    `reach`: what AWS would run if nothing held it back, one for each batch that waits or runs.
    `need`: what empties the queue within a minute; without a known duration the same as `reach`.
    """

    reach: int
    need: int


def batches(original: Knobs, queue: Queue) -> int:
    """Return how many batches wait or run in `queue`, as `original` knobs make them.

    Larger ones are how a mapping that is held back gets on: they must not end the very scarcity
    that they are for.
    """
    messages = max(0, queue.visible) + max(0, queue.in_flight)
    return min(_MOST_BATCHES, -(-messages // max(1, original.batch_size)))


def duration_ms(facts: FunctionFacts) -> int | None:
    """Return how long an invocation takes (1 ms to 15 min), None if that is unknown."""
    if facts.duration_s is None or not facts.duration_s >= 0:  # NaN is not
        return None
    return max(1, int(min(_MOST_MS, facts.duration_s * 1000)))


def demand(original: Knobs, waiting: int, takes_ms: int) -> Demand:
    """Return the demand of `waiting` batches that take so long (0: unknown)."""
    most = units(original)
    reach = min(waiting, MOST_ON_DEMAND if most is None else max(0, most))
    if not takes_ms:
        return Demand(reach, reach)
    return Demand(reach, min(reach, ceil(waiting * takes_ms / DRAIN_MS)))
