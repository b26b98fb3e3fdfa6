"""What background work may take: the account's budget, and what the scopes leave. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from governor.controller.observed import AccountFacts, FunctionFacts, Observed
from governor.controller.plan.highest import Watch
from governor.model import ACCOUNT, Claim, Limits, Mode, Priority, function_scope
from governor.resolver import Resolver

_FUNCTION = function_scope("")


@dataclass(frozen=True, slots=True)
class Budget:
    """How the account's concurrency is spoken for.

    `limit` is the lower one of the policy's and of what AWS leaves to share. `other` is background
    work that comes from no queue which the controller can turn, with the reservations of brakes.
    `user_facing`, `ungoverned` and `other` are the highest of late (see `highest`).
    """

    limit: int
    headroom: int
    user_facing: int
    ungoverned: int
    other: int

    @property
    def background(self) -> int:
        """What is left to the mappings of background functions."""
        taken = self.headroom + self.user_facing + self.ungoverned + self.other
        return max(0, self.limit - taken)

    def __str__(self) -> str:
        text = f"user-facing demand {self.user_facing:,} of {self.limit:,}"
        text += f", headroom {self.headroom:,}"
        if self.ungoverned:
            text += f", ungoverned {self.ungoverned:,}"
        return f"{text}, other background {self.other:,}" if self.other else text


@dataclass(slots=True)
class Use:
    """What runs without the controller's doing."""

    user_facing: int = 0
    other: int = 0
    drawn: int = 0
    """What the ledger's functions draw from the account's unreserved part, held back or not."""
    scopes: Counter[str] = field(default_factory=Counter)
    """By group and background function, by weight."""


def pooled(claim: Claim, facts: FunctionFacts | None) -> bool:
    """Whether a function draws on the account's shared pool; one that we brake still does."""
    own = facts is not None and facts.reserved is not None and not facts.braked
    return not own and any(hold.scope == ACCOUNT for hold in claim.holds)


def use(resolver: Resolver, observed: Observed, explained: Mapping[str, int]) -> Use:
    """Return what runs by itself; `explained` says for functions how much queues may run."""
    found = Use()
    for scope, count in observed.scopes.items():
        if count.in_use <= 0 or not scope.startswith(_FUNCTION):
            continue
        name = scope.removeprefix(_FUNCTION)
        claim, facts = resolver.claim(name), observed.functions.get(name)
        user_facing = claim.priority is Priority.USER_FACING
        runs = count.in_use if user_facing else max(0, count.in_use - explained.get(name, 0))
        for hold in claim.holds:
            if hold.scope != ACCOUNT:
                found.scopes[hold.scope] += hold.weight * runs
        if pooled(claim, facts):
            apart = facts.provisioned if facts else 0
            shared = max(0, runs - apart)
            brake = facts.reserved or 0 if facts else 0
            found.drawn += max(0, count.in_use - apart - brake)
            if user_facing:
                found.user_facing += shared
            else:
                found.other += shared
    found.other += sum(
        max(0, facts.reserved - _in_use(observed, facts.name))
        for facts in observed.functions.values()
        if facts.braked and facts.reserved is not None
    )
    return found


def budget(
    limits: Limits, account: AccountFacts, used: Use, observed: Observed, watch: Watch
) -> Budget:
    """Return the account's budget. AWS's limit holds where the policy has none, or a higher one."""
    brakes = sum(each.reserved or 0 for each in observed.functions.values() if each.braked)
    unreserved = account.unreserved + brakes
    limit = unreserved if limits.max_concurrency is None else limits.max_concurrency
    ungoverned = observed.ungoverned
    return Budget(
        limit=max(0, min(limit, unreserved)),
        headroom=limits.headroom,
        user_facing=watch.held("user-facing", used.user_facing),
        ungoverned=watch.last("ungoverned")
        if ungoverned is None
        else watch.held("ungoverned", ungoverned),
        other=watch.held("other", used.other),
    )


def room(scope: str, limits: Limits, used: Use, watch: Watch) -> int | None:
    """Return what a group or function leaves to the mappings; None: as much as they like."""
    limit = limits.limit_for(Priority.BACKGROUND)
    if limit is None or limits.mode is Mode.SHADOW:
        return None
    return limit - watch.held(scope, used.scopes[scope])


def _in_use(observed: Observed, function: str) -> int:
    count = observed.scopes.get(function_scope(function))
    return count.in_use if count else 0
