"""When to ask AWS for a higher limit of the account. Pure."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from governor.controller.actions import AskForMore, NonAction
from governor.controller.memory import Asked, Memory
from governor.controller.observed import AccountFacts
from governor.model import ACCOUNT
from governor.policy import Raise

OPEN: Final = frozenset({"PENDING", "CASE_OPENED"})
"""States of a request that AWS has not answered (Service Quotas, RequestStatus)."""

REFUSED: Final = frozenset({"DENIED", "CASE_CLOSED", "NOT_APPROVED", "INVALID_REQUEST"})
"""States in which AWS will not grant a request."""


@dataclass(frozen=True, slots=True)
class Raising:
    """What to do about the account's limit, and the memory of it."""

    decision: AskForMore | NonAction | None
    memory: Memory


def raising(
    rule: Raise | None, account: AccountFacts, in_use: int, memory: Memory, at_s: float
) -> Raising:
    """Decide by the account's use, `in_use` of the shared part beside all that is set aside."""
    memory = replace(memory, asked_before=memory.asked)
    if rule is None:
        return Raising(None, replace(memory, above_since_s=None))
    used = max(0, account.limit - account.unreserved) + in_use
    line = rule.when_above * account.limit
    use = f"{used:,} of {account.limit:,} in use, the line is at {line:,.0f}"

    def stay(why: str) -> Raising:
        return Raising(NonAction(ACCOUNT, f"no higher limit is requested: {why}"), memory)

    if used <= line:
        memory = replace(memory, above_since_s=None)
        return stay(use)
    since = at_s if memory.above_since_s is None else min(at_s, memory.above_since_s)
    memory = replace(memory, above_since_s=since)
    desired = min(rule.up_to, ceil(account.limit * rule.by))
    if desired <= account.limit:
        return stay(f"{use}, and the policy goes up to {rule.up_to:,} only")
    if at_s - since < rule.for_s:
        return stay(f"{use}, for {at_s - since:,.0f} of {rule.for_s:,} s")
    if refusal := _asked_already(rule, account, memory.asked, desired, at_s):
        return stay(f"{use}, but {refusal}")
    reason = f"account: {account.limit:,} → {desired:,}: {use}, for {at_s - since:,.0f} s"
    memory = replace(memory, asked=Asked(desired, at_s))
    return Raising(AskForMore(desired, reason), memory)


def _asked_already(
    rule: Raise, account: AccountFacts, asked: Asked | None, desired: int, at_s: float
) -> str:
    """Return why there is nothing to ask now; empty: there is."""
    request = account.quota_request
    if request is not None:
        if request.status in OPEN:
            return f"the request for {request.desired:,} is {request.status}"
        ahead = request.desired > account.limit
        if ahead and request.status in REFUSED and request.desired <= desired:
            return f"AWS has answered {request.status} to one for {request.desired:,}"
        if ahead and request.status not in REFUSED and asked is None:
            return f"the request for {request.desired:,} is {request.status}, not in force yet"
    if asked is not None and at_s - asked.at_s < rule.cooldown_s:
        ago = f"{at_s - asked.at_s:,.0f} s ago"
        return f"{asked.desired:,} was requested {ago}, and the cooldown is {rule.cooldown_s:,} s"
    return ""
