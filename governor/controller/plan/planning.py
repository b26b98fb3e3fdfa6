"""What the controller would do now, and why: a pure function of policy, snapshot and memory.

Every input gives a plan. The same input gives the same plan, in whatever order its parts come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from governor.controller.actions import Action, NonAction, Turn
from governor.controller.memory import Memory
from governor.controller.observed import Observed
from governor.controller.plan.brake import Braking
from governor.controller.plan.budget import Budget, Use, budget, room, use
from governor.controller.plan.confirm import Confirmation
from governor.controller.plan.gather import Mappings, gather
from governor.controller.plan.highest import Watch
from governor.controller.plan.raises import raising
from governor.controller.plan.shares import distribute
from governor.controller.plan.turns import Decisions, turned
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
    def unsent(self) -> Memory:
        """The memory as long as none of the actions is sent."""
        memory = self.memory
        for action in self.actions:
            memory = memory.unsent(action)
        return memory

    @property
    def drifts(self) -> int:
        """How many mappings and functions somebody else has changed under our hands."""
        return self.memory.drifts


def plan(resolver: Resolver, observed: Observed, memory: Memory) -> Plan:
    """Return what to do about what is `observed`, under the policy of `resolver`."""
    account = observed.account
    if account is None or observed.mappings is None:
        return Plan((), (NonAction(ACCOUNT, _blind(observed)),), None, memory)
    watch = Watch(memory.highest, observed.at_s)
    mappings = gather(resolver, observed, observed.mappings, memory, watch)
    used = use(resolver, observed, mappings.explained)
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
    unread = "the account's limits" if observed.account is None else "the event-source mappings"
    missing = f" ({observed.missing[0]})" if observed.missing else ""
    return f"nothing is changed: {unread} could not be read{missing}"
