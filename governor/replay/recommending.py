"""Proposes a policy from what was observed, and says why for each number. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from msgspec.structs import replace

from governor.model import ACCOUNT, Mode, Priority, function_scope, group_scope
from governor.policy import MAX_CONCURRENCY, Account, Function, Group, Policy
from governor.replay.observing import Observed
from governor.replay.trial import in_mode

MARGIN: Final = 1.25
"""What is observed, times this, is what is proposed."""

USERS_MARGIN: Final = 2.0
"""The same for a user-facing function's own limit: it is to stop a runaway, not a good day."""

DEFAULT_ACCOUNT: Final = 1000
"""Concurrency of an account and Region at AWS, until raised (Lambda developer guide, quotas)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is proposed; `path` as in a policy's diff."""

    path: str
    value: object
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy, everything in it in shadow mode, and the reasons for its numbers."""

    policy: Policy
    reasons: tuple[Reason, ...]


def propose(observed: Observed, *, careful: bool = False) -> Proposal:
    """Propose a policy for what was `observed`.

    `careful`: with a headroom for all user-facing work at once, where one for its rise is too
    little because background work gives back slowly.
    """
    recorded, reasons = observed.chapter.policy, list[Reason]()
    account = _account(observed, reasons, careful=careful)
    groups = {name: _group(name, each, observed, reasons) for name, each in recorded.groups.items()}
    names = sorted({*observed.effective.functions, *observed.arrivals, *_seen(observed)})
    functions = {name: _function(name, observed, reasons) for name in names}
    policy = replace(recorded, account=account, groups=groups, functions=functions)
    return Proposal(in_mode(policy, Mode.SHADOW), tuple(reasons))


def _seen(observed: Observed) -> set[str]:
    prefix = function_scope("")
    return {each.removeprefix(prefix) for each in observed.peaks if each.startswith(prefix)}


def _account(observed: Observed, reasons: list[Reason], *, careful: bool) -> Account:
    recorded, users = observed.chapter.policy.account, observed.user_facing
    limit = recorded.max_concurrency
    if limit is None:
        limit = max(DEFAULT_ACCOUNT, _rounded_up(observed.peaks[ACCOUNT]))
        why = (
            f"peak {observed.peaks[ACCOUNT]}; no limit is recorded, so AWS's default or the next "
            "thousand above the peak: put in what your account has"
        )
    elif limit < users.peak:
        why = f"recorded {limit} is below the user-facing peak {users.peak}: that, times {MARGIN}"
        limit = _with_margin(users.peak, MARGIN)
    else:
        why = f"as recorded; peak {observed.peaks[ACCOUNT]}"
    reasons.append(Reason("account.max_concurrency", limit, why))
    if careful:
        headroom = users.peak
        why = (
            f"user-facing peak {users.peak}: keeping only its rise of {users.highest} within a "
            "minute denied user-facing functions when replayed"
        )
    else:
        headroom = _with_margin(users.highest, MARGIN)
        why = (
            f"largest rise of user-facing in_use within the minute that a change at AWS takes: "
            f"{users.highest}, times {MARGIN}"
        )
    headroom = min(headroom, limit)
    reasons.append(Reason("account.headroom", headroom, why))
    return replace(recorded, max_concurrency=limit, headroom=headroom)


def _group(name: str, group: Group, observed: Observed, reasons: list[Reason]) -> Group:
    peak, limit, at = observed.peaks[group_scope(name)], group.max_concurrency, f"groups.{name}"
    if limit is not None and (peak <= limit or not _has_users(name, observed)):
        why = f"as recorded; peak {peak}"
    elif limit is not None:
        why = f"peak {peak}, times {MARGIN}: the recorded {limit} would deny user-facing functions"
        limit = _with_margin(peak, MARGIN)
    elif peak:
        limit, why = _with_margin(peak, MARGIN), f"peak {peak}, times {MARGIN}"
    else:
        return group
    reasons.append(Reason(f"{at}.max_concurrency", limit, why))
    return replace(group, max_concurrency=limit, headroom=min(group.headroom, limit))


def _has_users(group: str, observed: Observed) -> bool:
    return any(
        observed.priority_of(name)[0] is Priority.USER_FACING
        for name in observed.members[group_scope(group)]
    )


def _function(name: str, observed: Observed, reasons: list[Reason]) -> Function:
    """Propose an entry; what the function's tags say and is to stay so is left to them."""
    recorded = observed.effective.functions.get(name, Function())
    at, peak = f"functions.{name}", observed.peaks[function_scope(name)]
    priority, why = observed.priority_of(name)
    reasons.append(Reason(f"{at}.priority", str(priority), why))
    is_users = priority is Priority.USER_FACING
    limit = recorded.max_concurrency
    if limit is not None and (peak <= limit or not is_users):
        why = f"as recorded; peak {peak}"
    elif peak:
        over = "" if limit is None else f": the recorded {limit} would deny it"
        limit, why = limit_of(peak, priority)
        why += over
    if limit is not None:
        reasons.append(Reason(f"{at}.max_concurrency", limit, why))
    own = observed.chapter.policy.functions.get(name, Function())
    return replace(
        own,
        priority=own.priority if priority is recorded.priority else priority,
        max_concurrency=own.max_concurrency if limit == recorded.max_concurrency else limit,
    )


def limit_of(peak: int, priority: Priority) -> tuple[int, str]:
    """Return the limit of a function that was seen with `peak` invocations at once, and why."""
    margin = USERS_MARGIN if priority is Priority.USER_FACING else MARGIN
    return _with_margin(peak, margin), f"peak {peak}, times {margin}"


def _with_margin(peak: int, margin: float) -> int:
    return min(ceil(peak * margin), MAX_CONCURRENCY)


def _rounded_up(peak: int) -> int:
    return ceil(peak / DEFAULT_ACCOUNT) * DEFAULT_ACCOUNT
