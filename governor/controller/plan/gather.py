"""The mappings of a snapshot, sorted by what may be done with them. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from governor.controller.actions import NonAction
from governor.controller.memory import Memory, Turned
from governor.controller.observed import EventSourceMapping, FunctionFacts, Observed, Queue
from governor.controller.plan.budget import pooled
from governor.controller.plan.confirm import Confirmation, State, follow_turn
from governor.controller.plan.demand import Demand, demand, duration_ms, messages
from governor.controller.plan.highest import Watch
from governor.controller.plan.knobs import floor, shown
from governor.controller.plan.shares import Claimant
from governor.controller.plan.turns import Governed
from governor.model import ACCOUNT, Claim, Priority
from governor.policy import Function
from governor.resolver import Resolver

_UNLISTED: Final = Function()
_NO_DEMAND: Final = Demand(0, 0, 0)


@dataclass(slots=True)
class Mappings:
    """All mappings of a snapshot.

    `claims` are those of governed functions, `fed` all functions with a mapping. `explained` says
    how much of a function's use may come from its governed queues. `active` are the governed
    mappings that have something to do, by uuid.
    """

    governed: list[Governed] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    non_actions: list[NonAction] = field(default_factory=list)
    confirmations: list[Confirmation] = field(default_factory=list)
    turns: dict[str, Turned] = field(default_factory=dict)
    fed: set[str] = field(default_factory=set)
    explained: Counter[str] = field(default_factory=Counter)
    active: list[str] = field(default_factory=list)


def gather(
    resolver: Resolver,
    observed: Observed,
    mappings: Iterable[EventSourceMapping],
    memory: Memory,
    watch: Watch,
) -> Mappings:
    """Sort `mappings`, those of `observed`, and compare them with what was sent to them."""
    found = Mappings()
    ordered = distinct(mappings)
    if observed.missing:  # what could not be read is remembered until it can be
        seen = {mapping.uuid for mapping in ordered}
        found.turns |= {uuid: kept for uuid, kept in memory.turns.items() if uuid not in seen}
    for mapping in ordered:
        found.fed.add(mapping.function)
        record, confirmation = follow_turn(mapping, memory.turns.get(mapping.uuid), observed.at_s)
        if record is not None:
            found.turns[mapping.uuid] = record
        if confirmation is not None:
            found.confirmations.append(confirmation)
        claim = resolver.claim(mapping.function)
        why = _left_alone(mapping, record, claim, observed)
        if why:
            text = f"{mapping.function}: stays {shown(mapping.knobs)}: {why}"
            found.non_actions.append(NonAction(mapping.uuid, text))
            continue
        found.claims[mapping.function] = claim
        function = resolver.policy.functions.get(mapping.function, _UNLISTED)
        facts = observed.functions.get(mapping.function)
        queue = observed.queues.get(mapping.queue)
        wanted = _NO_DEMAND
        if claim.priority is Priority.BACKGROUND and facts and queue:
            wanted = _demand(mapping, record, queue, facts, watch)
        governed = Governed(
            mapping=mapping,
            turned=record,
            demand=wanted,
            claimant=_claimant(mapping, wanted, claim, function, facts),
            max_batch_size=function.max_batch_size,
            fifo=queue is not None and queue.fifo,
            busy=not mapping.settled or waits(confirmation),
            idle=queue is None or not messages(queue),
        )
        found.governed.append(governed)
        if wanted.reach:
            found.explained[mapping.function] += wanted.explains
            found.active.append(mapping.uuid)
    return found


def distinct(mappings: Iterable[EventSourceMapping]) -> list[EventSourceMapping]:
    """Return the mappings in the order of their uuids, each once."""
    by_uuid: dict[str, EventSourceMapping] = {}
    for mapping in mappings:
        other = by_uuid.get(mapping.uuid)
        if other is None or repr(mapping) < repr(other):  # AWS has no two: any rule will do
            by_uuid[mapping.uuid] = mapping
    return [by_uuid[uuid] for uuid in sorted(by_uuid)]


def waits(confirmation: Confirmation | None) -> bool:
    """Whether AWS is still at a change."""
    return confirmation is not None and confirmation.state is State.PENDING


def hands_off(turned: Turned) -> str:
    """Return why a mapping that somebody else has changed is left alone."""
    return f"somebody else set that after the governor's {shown(turned.sent)}: hands off"


def _left_alone(
    mapping: EventSourceMapping, record: Turned | None, claim: Claim, observed: Observed
) -> str:
    """Return why a mapping is not governed, empty if it is.

    One that was turned and must not be held back any more is governed, without a demand: it is
    let go.
    """
    if record is not None and record.theirs is not None:
        return hands_off(record)
    touched = record is not None or mapping.original is not None
    if claim.priority is Priority.USER_FACING:
        return "" if touched else "user-facing functions are not held back"
    original = record.original if record else mapping.knobs
    if not original.enabled:
        return "" if touched else "its owner has disabled it"
    if mapping.queue not in observed.queues:
        return f"its queue {mapping.queue} could not be read"
    if mapping.function not in observed.functions:
        return "the function could not be read"
    return ""


def _demand(
    mapping: EventSourceMapping,
    record: Turned | None,
    queue: Queue,
    facts: FunctionFacts,
    watch: Watch,
) -> Demand:
    """Return the demand that plans count with, the highest of late; a disabled mapping has none."""
    original = record.original if record else mapping.knobs
    if not original.enabled:
        return _NO_DEMAND
    waiting = watch.held(f"messages:{mapping.uuid}", messages(queue))
    if not waiting:
        return _NO_DEMAND
    name, now_ms = f"ms:{mapping.uuid}", duration_ms(facts)
    takes_ms = watch.last(name) if now_ms is None else watch.held(name, now_ms)
    return demand(original, waiting, takes_ms)


def _claimant(
    mapping: EventSourceMapping,
    wanted: Demand,
    claim: Claim,
    function: Function,
    facts: FunctionFacts | None,
) -> Claimant:
    """Return what the mapping claims; one with nothing to do claims nothing."""
    if not wanted.reach:
        return Claimant(mapping.uuid, 0, 0, 0)
    in_pool = pooled(claim, facts)
    return Claimant(
        id=mapping.uuid,
        floor=min(floor(mapping), wanted.reach),  # the lowest setting is more than it can use
        need=wanted.need,
        reach=wanted.reach,
        share=function.share,
        may_pause=function.allow_pause,
        parts=tuple(
            (hold.scope, hold.weight) for hold in claim.holds if hold.scope != ACCOUNT or in_pool
        ),
    )
