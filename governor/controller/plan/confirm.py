"""What became of changes that were sent: on the way, arrived, lost, or undone by others. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeVar

from governor.controller.memory import NO_RESERVATION, Braked, Turned
from governor.controller.observed import EventSourceMapping, FunctionFacts, Knobs
from governor.controller.plan.knobs import shown

LOST_AFTER_S: Final = 30
"""A change of which AWS shows nothing after this time is sent anew. While AWS is still at one it
shows that: no other change is sent, however long it takes."""


class State(StrEnum):
    """How a change stands."""

    PENDING = "pending"
    SETTLED = "settled"
    LOST = "lost"
    DRIFT = "drift"
    """Somebody else has changed what the controller manages."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is now known of a change. `subject` is a mapping's uuid or a function.

    Pending is told in each cycle, everything else once.
    """

    subject: str
    state: State
    sentence: str


def follow_turn(
    mapping: EventSourceMapping, turned: Turned | None, at_s: float
) -> tuple[Turned | None, Confirmation | None]:
    """Compare a mapping with what was sent to it; None: it is as its owner left it.

    Without memory a tag with the original says that the controller has been here. The tag is right
    where the two differ: it was written before the first change and never since.
    """
    original, seen = mapping.original, mapping.knobs
    if turned is None:
        if original is None or (original == seen and mapping.settled):
            return None, None
        turned = Turned(original, seen, seen, at_s)
    elif original is not None:
        turned = replace(turned, original=original)
    after, state = _follow(turned, seen, at_s) if mapping.settled else (turned, State.PENDING)
    if state is State.DRIFT:
        after = replace(turned, theirs=seen)
        state = None if seen == turned.theirs else state
    if state is None:
        return after, None
    sentence = _sentence(state, _told(turned.before), _told(turned.sent), _told(seen))
    return after, Confirmation(mapping.uuid, state, f"{mapping.function}: {sentence}")


def follow_brake(
    facts: FunctionFacts, braked: Braked | None, at_s: float
) -> tuple[Braked | None, Confirmation | None]:
    """Compare a function's reserved concurrency with what was sent; as `follow_turn`."""
    seen = facts.reserved
    if braked is None:
        if not facts.braked or seen == facts.original_reserved:
            return None, None
        braked = Braked(facts.original_reserved, seen, seen, at_s)
    after, state = _follow(braked, seen, at_s)
    if state is State.DRIFT:
        theirs = NO_RESERVATION if seen is None else seen
        after = replace(braked, theirs=theirs)
        state = None if theirs == braked.theirs else state
    if state is None:
        return after, None
    sentence = _sentence(state, reserved(braked.before), reserved(braked.sent), reserved(seen))
    return after, Confirmation(facts.name, state, f"{facts.name}: {sentence}")


R = TypeVar("R", Turned, Braked)


def _follow(record: R, seen: Knobs | int | None, at_s: float) -> tuple[R | None, State | None]:
    """Return what to remember now, and how the change stands; None: nothing is left to tell."""
    if seen == record.sent:
        state = None if record.before == record.sent else State.SETTLED
        if seen == record.original:
            return None, state
        return replace(record, before=record.sent, theirs=None), state
    if seen == record.before:
        if 0 <= at_s - record.at_s < LOST_AFTER_S:
            return record, State.PENDING
        if seen == record.original:
            return None, State.LOST
        return replace(record, sent=record.before), State.LOST
    theirs = None if record.theirs == NO_RESERVATION else record.theirs
    handed_back = record.theirs is not None and theirs != record.original == seen
    return (None, None) if handed_back else (record, State.DRIFT)


def _sentence(state: State, before: str, sent: str, seen: str) -> str:
    match state:
        case State.PENDING:
            return f"AWS is still at {before} → {sent}"
        case State.SETTLED:
            return f"{before} → {sent} has arrived"
        case State.LOST:
            return f"{before} → {sent} was sent and did not arrive within {LOST_AFTER_S} s"
        case State.DRIFT:
            return f"somebody else changed {sent} to {seen}: hands off until it is {sent} again"


def _told(knobs: Knobs) -> str:
    return f"{shown(knobs)} in batches of {knobs.batch_size:,}"


def reserved(value: int | None) -> str:
    """Return a reserved concurrency in words."""
    return "no reservation" if value is None else f"{value:,} reserved"
