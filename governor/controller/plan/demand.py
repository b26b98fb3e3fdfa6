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

_MOST_MESSAGES: Final = 10**9


@dataclass(frozen=True, slots=True)
class Demand:
    """Invocations at a time. `need` ≤ `reach` ≤ `explains`; all 0 when nothing waits or runs.

    `reach`: what AWS would run if nothing held it back, one for each batch that waits or runs.
    `need`: what empties the queue within a minute; without a known duration the same as `reach`.
    `explains`: what may run of it, one for each message, as AWS does not wait for batches to fill.
    """

    reach: int
    need: int
    explains: int


def messages(queue: Queue) -> int:
    """Return how many messages wait or run in `queue`."""
    return min(_MOST_MESSAGES, max(0, queue.visible) + max(0, queue.in_flight))


def duration_ms(facts: FunctionFacts) -> int | None:
    """Return how long an invocation takes (1 ms to 15 min), None if that is unknown."""
    if facts.duration_s is None or not facts.duration_s >= 0:  # NaN is not
        return None
    return max(1, int(min(_MOST_MS, facts.duration_s * 1000)))


def demand(original: Knobs, waiting: int, takes_ms: int) -> Demand:
    """Return the demand of `waiting` messages, whose batches take so long (0: unknown).

    Batches are as `original` knobs make them. Larger ones are how a mapping that is held back gets
    on: they must not end the very scarcity that they are for.
    """
    limit = units(original)
    most = MOST_ON_DEMAND if limit is None else max(0, limit)
    batches = -(-waiting // max(1, original.batch_size))
    reach = need = min(batches, most)
    if takes_ms:
        need = min(reach, ceil(batches * takes_ms / DRAIN_MS))
    return Demand(reach, need, min(waiting, most))
