"""How many invocations at once mappings of queues let in, and can be set to."""

from governor.controller.observed import Knobs

POLLER_INVOKES = 10
"""Concurrent invocations per poller of a mapping in provisioned mode (developer guide, "Using
provisioned mode with an Amazon SQS event source mapping")."""

MOST_UNLIMITED = 1250
"""Concurrent invocations of a mapping that nobody limits (developer guide, "Configuring scaling
behavior for SQS event source mappings")."""

MOST_CONCURRENCY = 1000
"""MaximumConcurrency of a mapping, at most (API reference, ScalingConfig)."""

LEAST_AT_ONCE = 2
"""MaximumConcurrency and MaximumPollers of an SQS mapping, at least (API reference, ScalingConfig
and ProvisionedPollerConfig)."""


def lets_in(knobs: Knobs) -> int | None:
    """Return how many invocations at once a mapping makes at most; None: AWS does not limit it."""
    if knobs.max_pollers is not None:
        return knobs.max_pollers * POLLER_INVOKES
    return knobs.max_concurrency


def least_in(knobs: Knobs) -> int:
    """Return the lowest value to which `lets_in` can be set."""
    return LEAST_AT_ONCE * (1 if knobs.max_pollers is None else POLLER_INVOKES)


def held_to(knobs: Knobs, most: int) -> str:
    """Return which knob of a mapping has it make `most` invocations at once at most, and how far.

    Provisioned mode excludes MaximumConcurrency (API reference, UpdateEventSourceMapping).
    """
    most = max(most, least_in(knobs))
    if knobs.max_pollers is None:
        return f"MaximumConcurrency to {min(most, MOST_CONCURRENCY)}"
    return f"MaximumPollers to {most // POLLER_INVOKES}"
