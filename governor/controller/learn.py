"""From a snapshot to the facts that the ledger goes by. Pure."""

from governor.controller.observed import Observed
from governor.facts import Facts


def learned(known: Facts, observed: Observed) -> Facts:
    """Return what is known now. Of what the snapshot misses, what was `known` still holds."""
    return Facts(
        _max_attempts(known, observed),
        _unshared(known, observed),
        known.tags if observed.tags is None else observed.tags,
    )


def _max_attempts(known: Facts, observed: Observed) -> dict[str, int]:
    if observed.mappings is None:
        return known.max_attempts
    found: dict[str, int] = {}
    for mapping in observed.mappings:
        name, queue = mapping.function, observed.queues.get(mapping.queue)
        receives = known.max_attempts.get(name) if queue is None else queue.max_receive_count
        if receives is not None:
            found[name] = min(receives, found.get(name, receives))
    return found


def _unshared(known: Facts, observed: Observed) -> frozenset[str]:
    """Return whose reserved concurrency is their owner's; the brake's draws on the pool."""
    reserved = {
        name
        for name, function in observed.functions.items()
        if function.reserved is not None and not function.braked
    }
    if observed.missing:
        reserved |= known.unshared - observed.functions.keys()
    return frozenset(reserved)
