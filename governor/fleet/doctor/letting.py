"""How an owner holds a queue's mapping to what its function may run, in words."""

from governor.controller.plan.knobs import Polled, held


def held_to(mapping: Polled, most: int) -> str:
    """Return which knob has `mapping` start `most` invocations at a time, or as few as AWS takes.

    Provisioned mode excludes MaximumConcurrency (API reference, UpdateEventSourceMapping).
    """
    knobs = held(mapping, max(1, most))
    if knobs.max_pollers is not None:
        return f"MaximumPollers to {knobs.max_pollers}"
    return f"MaximumConcurrency to {knobs.max_concurrency}"
