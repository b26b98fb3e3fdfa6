"""What the controller would do now, and why: a pure function of policy, snapshot and memory.

Every input gives a plan. The same input gives the same plan, in whatever order its parts come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from governor.controller.actions import Action, Brake, NonAction, Turn
from governor.controller.brake import Braking
from governor.controller.budget import Budget, Use, budget, room, use
from governor.controller.confirm import Confirmation, follow_brake, follow_turn, reserved
from governor.controller.gather import Mappings, distinct, gather, hands_off, waits
from governor.controller.highest import Watch
from governor.controller.knobs import change, shown
from governor.controller.memory import Memory, Turned
from governor.controller.observed import Observed
from governor.controller.raises import raising
from governor.controller.shares import distribute
from governor.controller.turns import Decisions, turned
from governor.model import ACCOUNT, Limits, Mode
from governor.resolver import Resolver


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, what not, and why.

    `memory` counts every action as sent. `allowed` is the share (invocations at a time) of each
    mapping that has something to do. `budget` None: nothing can be said, so nothing is done.
    """

    actions: tuple[Action, ...] = ()
    non_actions: tuple[NonAction, ...] = ()
    budget: Budget | None = None
    memory: Memory = field(default_factory=Memory)
    confirmations: tuple[Confirmation, ...] = ()
    allowed: Mapping[str, int] = field(default_factory=dict)

    @property
    def drifts(self) -> int:
        """How many mappings and functions somebody else has changed under our hands."""
        return self.memory.drifts


def plan(resolver: Resolver, observed: Observed, memory: Memory) -> Plan:
    """Return what to do about what is `observed`, under the policy of `resolver`."""
    account = observed.account
    if account is None or observed.mappings is None or (observed.missing and not observed.scopes):
        return Plan((), (NonAction(ACCOUNT, _blind(observed)),), None, memory)
    watch = Watch(memory.highest, observed.at_s)
    mappings = gather(resolver, observed, observed.mappings, memory, watch)
    used = use(resolver, observed, mappings.reaches)
    limits = resolver.policy.account.limits
    found = budget(limits, account, used, observed, watch)
    rooms = _rooms(mappings, limits, found, used, watch)
    shares = distribute([each.claimant for each in mappings.governed], rooms)
    sure = observed.ungoverned is not None
    decisions = Decisions(mappings.governed, shares, rooms, found, sure=sure)
    turns = dict(mappings.turns)
    actions: list[Action] = []
    non_actions = list(mappings.non_actions)
    for governed in mappings.governed:
        decision = decisions.decide(governed, observed.at_s)
        if isinstance(decision, Turn):
            actions.append(decision)
            turns[decision.mapping] = turned(decision, observed.at_s)
        else:
            non_actions.append(decision)
    braking = Braking(resolver, observed, memory.brakes, mappings.fed)
    raised = raising(
        resolver.policy.account.raise_,
        account,
        used.drawn + found.ungoverned,
        memory,
        observed.at_s,
    )
    for asked in (*braking.actions, *braking.non_actions, raised.decision):
        if isinstance(asked, NonAction):
            non_actions.append(asked)
        elif asked is not None:
            actions.append(asked)
    return Plan(
        tuple(actions),
        tuple(non_actions),
        found,
        replace(raised.memory, turns=turns, brakes=braking.records, highest=watch.after),
        (*mappings.confirmations, *braking.confirmations),
        {uuid: shares.units[uuid] for uuid in mappings.active},
    )


def restore_all(observed: Observed, memory: Memory) -> Plan:
    """Return the plan that puts everything back as it was before the controller's first change.

    It takes several rounds while AWS applies changes: all is done when a plan has no action and no
    pending confirmation. What somebody else has changed since stays as it is.
    """
    turns = _turned_back(observed, memory)
    brakes = _released(observed, memory)
    return Plan(
        (*turns.actions, *brakes.actions),
        (*turns.non_actions, *brakes.non_actions),
        None,
        replace(memory, turns=turns.memory.turns, brakes=brakes.memory.brakes),
        (*turns.confirmations, *brakes.confirmations),
    )


def _turned_back(observed: Observed, memory: Memory) -> Plan:
    actions: list[Action] = []
    non_actions: list[NonAction] = []
    confirmations: list[Confirmation] = []
    turns = dict(memory.turns)
    for mapping in distinct(observed.mappings or ()):
        uuid, before = mapping.uuid, mapping.knobs
        record, confirmation = follow_turn(mapping, turns.pop(uuid, None), observed.at_s)
        confirmations += [confirmation] if confirmation else []
        if record is None and mapping.original is None:
            continue
        record = record or Turned(before, before, before, observed.at_s)
        if waits(confirmation) or record.theirs is not None:
            turns[uuid] = record
            why = hands_off(record) if record.theirs else "its last change has not settled yet"
            text = f"{mapping.function}: stays {shown(before)}: {why}"
            non_actions.append(NonAction(uuid, text))
            continue
        after = record.original
        reason = f"{change(mapping.function, before, after)}: put back as asked"
        actions.append(Turn(uuid, mapping.arn, mapping.function, before, after, after, reason))
        turns[uuid] = replace(record, before=before, sent=after, at_s=observed.at_s)
    kept = replace(memory, turns=turns)
    return Plan(tuple(actions), tuple(non_actions), None, kept, tuple(confirmations))


def _released(observed: Observed, memory: Memory) -> Plan:
    actions: list[Action] = []
    non_actions: list[NonAction] = []
    confirmations: list[Confirmation] = []
    brakes = dict(memory.brakes)
    for name, facts in sorted(observed.functions.items()):
        record, confirmation = follow_brake(facts, brakes.pop(name, None), observed.at_s)
        confirmations += [confirmation] if confirmation else []
        if record is None:
            continue
        now, after = facts.reserved, record.original
        if waits(confirmation) or record.theirs is not None:
            brakes[name] = record
            theirs = f"somebody else has set {reserved(now)}: hands off"
            why = "its last change has not settled yet" if record.theirs is None else theirs
            non_actions.append(NonAction(name, f"{name}: {why}"))
            continue
        reason = f"{name}: {reserved(now)} → {reserved(after)}: put back as asked"
        actions.append(Brake(name, now, after, reason))
        brakes[name] = replace(record, before=now, sent=after, at_s=observed.at_s)
    kept = replace(memory, brakes=brakes)
    return Plan(tuple(actions), tuple(non_actions), None, kept, tuple(confirmations))


def _rooms(
    mappings: Mappings, limits: Limits, found: Budget, used: Use, watch: Watch
) -> dict[str, int]:
    """Return what each scope that a governed mapping is in leaves to mappings."""
    by_scope = {
        hold.scope: hold.limits
        for claim in mappings.claims.values()
        for hold in claim.holds
        if hold.scope != ACCOUNT
    }
    rooms = {
        scope: left
        for scope, scope_limits in by_scope.items()
        if (left := room(scope, scope_limits, used, watch)) is not None
    }
    if limits.mode is Mode.ENFORCE:
        rooms[ACCOUNT] = found.background
    return rooms


def _blind(observed: Observed) -> str:
    if observed.account is None:
        what = "the account's limits"
    elif observed.mappings is None:
        what = "the event-source mappings"
    else:
        what = "the ledger"
    missing = f" ({observed.missing[0]})" if observed.missing else ""
    return f"nothing is changed: {what} could not be read{missing}"
