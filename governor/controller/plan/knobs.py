"""A mapping's knobs in invocations at a time, and back. Pure."""

from dataclasses import replace
from typing import Final, Protocol

from governor.controller.observed import CEILING, FLOOR, Knobs

PER_POLLER: Final = 10
"""Invocations at a time of one provisioned poller (Lambda developer guide, provisioned mode)."""

MOST_ON_DEMAND: Final = 1250
"""Invocations at a time that AWS's own scaling goes up to (Lambda developer guide, SQS scaling)."""

LONE_BATCH: Final = 10
"""Largest batch without a batching window, and of a FIFO queue (CreateEventSourceMapping)."""

MOST_BATCH: Final = 10_000
"""Largest batch of a standard queue (CreateEventSourceMapping)."""


class Polled(Protocol):
    """A mapping as far as turning its knobs goes."""

    @property
    def knobs(self) -> Knobs:
        """How they stand."""

    @property
    def min_pollers(self) -> int | None:
        """The fewest pollers that its owner has provisioned."""


def units(knobs: Knobs) -> int | None:
    """Return how many invocations at a time `knobs` allow; None: as many as AWS likes."""
    return while_on(knobs) if knobs.enabled else 0


def while_on(knobs: Knobs) -> int | None:
    """Return how many invocations at a time `knobs` allow as soon as the mapping is enabled."""
    if knobs.max_pollers is not None:
        return PER_POLLER * max(0, knobs.max_pollers)
    return knobs.max_concurrency


def floor(mapping: Polled) -> int:
    """Return the fewest invocations at a time that `mapping` can be held at without a pause."""
    if mapping.knobs.max_pollers is None:
        return FLOOR
    return PER_POLLER * _fewest_pollers(mapping)


def held(mapping: Polled, to: int) -> Knobs:
    """Return the knobs that allow `to` invocations at a time: 0 pauses, no more than AWS takes."""
    knobs = mapping.knobs
    if to <= 0:
        return replace(knobs, enabled=False)
    if knobs.max_pollers is not None:
        pollers = max(_fewest_pollers(mapping), to // PER_POLLER)
        return replace(knobs, enabled=True, max_pollers=pollers)
    limit = min(CEILING, max(FLOOR, to))
    return Knobs(max_concurrency=limit, batch_size=knobs.batch_size, window_s=knobs.window_s)


def grown(knobs: Knobs, original: Knobs, max_batch_size: int | None, *, fifo: bool) -> Knobs:
    """Return `knobs` with batches as large as they may be while the mapping is held back.

    More than ten messages take a window of a second at least; a FIFO queue has neither.
    """
    most = min(max_batch_size or 0, LONE_BATCH if fifo else MOST_BATCH)
    size, window_s = original.batch_size, original.window_s
    if most > size:
        size = most
        window_s = max(1, window_s) if most > LONE_BATCH else window_s
    if (knobs.batch_size, knobs.window_s) == (size, window_s):
        return knobs
    return replace(knobs, batch_size=size, window_s=window_s)


def shown(knobs: Knobs) -> str:
    """Return how much `knobs` allow, in words."""
    if not knobs.enabled:
        return "paused"
    if knobs.max_pollers is not None:
        return f"{knobs.max_pollers:,} pollers"
    return "unlimited" if knobs.max_concurrency is None else f"{knobs.max_concurrency:,}"


def change(function: str, before: Knobs, after: Knobs) -> str:
    """Return from what to what, in words."""
    text = f"{function}: {shown(before)} → {shown(after)}"
    if before.batch_size != after.batch_size:
        text += f", batches of {before.batch_size:,} → {after.batch_size:,}"
    return text


def _fewest_pollers(mapping: Polled) -> int:
    return max(FLOOR, mapping.min_pollers or 0)
