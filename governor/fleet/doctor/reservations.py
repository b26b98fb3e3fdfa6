"""Reserved concurrency that fights the policy, or the queues."""

from collections.abc import Iterator, Sequence

from governor.controller.plan.knobs import MOST_ON_DEMAND, floor, while_on
from governor.fleet.doctor.examined import Examined, is_fifo
from governor.fleet.doctor.finding import Check, Finding, hint, warning
from governor.fleet.doctor.letting import held_to
from governor.fleet.function import EventSourceMapping
from governor.model import Priority

_GET = "lambda:GetFunction"


def reserved_nothing(examined: Examined) -> Iterator[Finding]:
    """A reserved concurrency of 0 throttles every invocation.

    Lambda developer guide, "Configuring reserved concurrency for a function". That is how functions
    are switched off; then nothing should call them.
    """
    fix = "remove the reservation (DeleteFunctionConcurrency), unless it is to stand still"
    for name, reserved in examined.reserved.items():
        if reserved:
            continue
        what, found = "its reserved concurrency is 0: AWS throttles every invocation", hint
        if any(examined.mappings(name)):
            what += ", and what its queues send uses up its receives"
            found = warning
        elif examined.by_name[name].peak:
            what += ", and it ran within the last 14 days"
            found = warning
        yield found(Check.RESERVED_NOTHING, f"function:{name}", what, fix)


def shared_reservation(examined: Examined) -> Iterator[Finding]:
    """A function with reserved concurrency does not draw on the shared pool.

    Lambda developer guide, "Configuring reserved concurrency for a function"; rule 1 of the ledger.
    """
    if examined.policy is None:
        return
    governor = examined.governor
    known = frozenset() if governor is None else governor.unshared
    for name, reserved in examined.reserved.items():
        if not reserved or name in known or not examined.entry(name).shared:
            continue
        what = (
            f"it has {reserved} reserved for itself, yet the policy counts it in the account: its "
            "invocations take room there that they do not use"
        )
        fix = "set shared to false in the policy, or remove the reservation"
        if governor is None or governor.store is None:
            fix += "; a controller learns of reservations by itself"
            yield hint(Check.SHARED_RESERVATION, f"function:{name}", what, fix)
        else:
            fix += ", or run a controller, which learns of reservations"
            yield warning(Check.SHARED_RESERVATION, f"function:{name}", what, fix)


def no_reservation(examined: Examined) -> Iterator[Finding]:
    """A function that the policy says has a reservation has one.

    Rule 1 of the ledger.
    """
    for name, row in examined.by_name.items():
        unread = _GET in row.details.unread or row.details.braked
        if examined.entry(name).shared or name in examined.reserved or unread:
            continue
        what = (
            "the policy says that it does not draw on the shared pool (shared: false), but it has "
            "no reserved concurrency: its invocations take slots that nobody counts"
        )
        fix = "take shared out of the policy, or reserve concurrency for it"
        yield warning(Check.NO_RESERVATION, f"function:{name}", what, fix)


def reservation_and_limit(examined: Examined) -> Iterator[Finding]:
    """A reservation is a limit, too, and AWS's comes first.

    Lambda developer guide, "Configuring reserved concurrency for a function".
    """
    for name, reserved in examined.reserved.items():
        limit = examined.entry(name).max_concurrency
        if limit is None or not reserved:
            continue
        if reserved < limit:
            what = (
                f"AWS throttles it at its {reserved} reserved, before its max_concurrency {limit}"
            )
            fix = f"reserve {limit}, lower max_concurrency to {reserved}, or reserve nothing"
            yield warning(Check.RESERVATION_BELOW_LIMIT, f"function:{name}", what, fix)
        elif reserved > limit:
            what = (
                f"{reserved} are reserved for it and its max_concurrency is {limit}: "
                f"{reserved - limit} are taken from everyone, and it may not use them"
            )
            fix = f"reserve {limit}, or nothing: max_concurrency caps without reserving"
            yield hint(Check.RESERVATION_ABOVE_LIMIT, f"function:{name}", what, fix)


def queues_over_reservation(examined: Examined) -> Iterator[Finding]:
    """The MaximumConcurrency of a function's mappings ≤ its reserved concurrency.

    Lambda developer guide, "Configuring maximum concurrency for Amazon SQS event sources": beyond
    it Lambda may throttle messages. Without a maximum, pollers go up to 1,250, and those of a FIFO
    queue up to its message groups, which nobody knows.
    """
    for name, reserved in examined.reserved.items():
        mappings = tuple(examined.mappings(name))
        lets = [while_on(each.knobs) for each in mappings]
        total = sum(MOST_ON_DEMAND if each is None else each for each in lets)
        if not reserved or total <= reserved:
            continue
        open_ended = [each for each, most in zip(mappings, lets, strict=True) if most is None]
        most = "any number of" if open_ended else f"{total}"
        what = (
            f"its queues start {most} invocations at once and {reserved} are reserved: messages of "
            "the others are throttled, and use up their receives"
        )
        fix = f"{_advice(mappings, reserved)}, or reserve nothing"
        held = sum(each or 0 for each in lets)
        mild = held <= reserved and all(is_fifo(each.source) for each in open_ended)
        if examined.has_leader and examined.priority(name) is Priority.BACKGROUND:
            fix += "; the controller turns them, too"
            mild = True
        found = hint if mild else warning
        yield found(Check.QUEUES_OVER_RESERVATION, f"function:{name}", what, fix)


def _advice(mappings: Sequence[EventSourceMapping], reserved: int) -> str:
    """How to have mappings start no more than is reserved."""
    least = sum(floor(each) for each in mappings)
    if reserved < least:
        return f"reserve {least} or more, as its mappings can't be held to less"
    if len(mappings) == 1:
        return f"set its mapping's {held_to(mappings[0], reserved)}"
    return f"hold its {len(mappings)} mappings to {reserved} in all"


RULES = (
    reserved_nothing,
    shared_reservation,
    no_reservation,
    reservation_and_limit,
    queues_over_reservation,
)
