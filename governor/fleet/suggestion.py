"""A first policy for an account, in shadow mode, with a reason for each number. Pure.

What a record of a governor would say better (`governor recommend`) is said from CloudWatch here,
with the same margins.
"""

from typing import Final

from governor.fleet.discovery import Discovery, Row
from governor.model import Mode, Priority
from governor.policy import Account, Function, Policy
from governor.replay.recommending import DEFAULT_ACCOUNT, Proposal, Reason, limit_of
from governor.replay.trial import in_mode

MOST_HEADROOM: Final = 0.5
"""The part of the account that a headroom takes at most: background work is to run, too."""


def suggest(discovery: Discovery) -> Proposal:
    """Suggest a policy for the functions that were discovered.

    User-facing functions without traffic are not in it: that is what the policy's defaults say.
    """
    reasons: list[Reason] = []
    account = _account(discovery, reasons)
    functions = {
        row.function.name: _function(row, account.max_concurrency, reasons)
        for row in discovery.rows
        if row.peak != 0 or row.priority is Priority.BACKGROUND or row.details.reserved
    }
    policy = Policy(account=account, functions=functions)
    return Proposal(in_mode(policy, Mode.SHADOW), tuple(reasons))


def head(discovery: Discovery, policy: Policy) -> str:
    """Return what the policy's file says of itself."""
    named, all_of_them = len(policy.functions), len(discovery.rows)
    lines = [
        f"A first policy for account {discovery.account} in {discovery.region}.",
        "Everything is in shadow mode: counted and reported, nothing is denied.",
        f"{named:,} of {all_of_them:,} functions; the others had no traffic in 14 days and are",
        "user-facing, as the defaults say.",
    ]
    if all_of_them < discovery.functions:
        lines.append(f"Functions that were not selected: {discovery.functions - all_of_them:,}.")
    lines += [f"Could not be read: {each}" for each in discovery.missing]
    return "\n".join(lines)


def _account(discovery: Discovery, reasons: list[Reason]) -> Account:
    limit, why = _limit(discovery)
    reasons.append(Reason("account.max_concurrency", limit, why))
    peak, summed = discovery.peaks.users, discovery.peaks.summed
    why = f"user-facing peak {peak}: highest sum of their peaks within an hour, in 14 days"
    if peak < summed:
        why = f"user-facing functions needed no more than all together: {peak}"
    unread = sum(row.peak is None for row in discovery.rows)
    if unread:
        why += f"; {unread:,} functions' peaks could not be read and are not in it"
    most = int(limit * MOST_HEADROOM)
    if peak > most:
        why = f"half of the account, so that background work runs, too; {why}"
    headroom = min(peak, most)
    reasons.append(Reason("account.headroom", headroom, why))
    return Account(max_concurrency=limit, headroom=headroom)


def _limit(discovery: Discovery) -> tuple[int, str]:
    limits = discovery.limits
    if limits is None:
        return DEFAULT_ACCOUNT, "AWS's default, for it could not be read: put in your account's"
    taken = limits.limit - limits.unreserved
    return limits.unreserved, f"the account's {limits.limit}, less {taken} reserved or provisioned"


def _function(row: Row, pool: int | None, reasons: list[Reason]) -> Function:
    """What is said of a function; one that is switched off is as if it had no reservation."""
    at, reserved = f"functions.{row.function.name}", row.details.reserved
    reasons.append(Reason(f"{at}.priority", str(row.priority), row.why))
    limit = None
    if row.peak:
        limit, why = limit_of(row.peak, row.priority)
        most = reserved or pool
        if most is not None and limit > most:
            whose = "it has reserved" if reserved else "the account has"
            limit, why = most, f"{why}, but no more than {whose}"
        reasons.append(Reason(f"{at}.max_concurrency", limit, why))
    if reserved:
        why = f"it has {reserved} reserved, outside of the shared pool"
        reasons.append(Reason(f"{at}.shared", "false", why))
    return Function(max_concurrency=limit, priority=row.priority, shared=not reserved)
