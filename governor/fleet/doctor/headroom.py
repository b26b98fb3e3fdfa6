"""The account's headroom, next to what users needed at once."""

from collections.abc import Iterator

from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check, Finding, hint, warning
from governor.model import Priority


def headroom(examined: Examined) -> Iterator[Finding]:
    """What background work can't take is enough for the observed peak of user-facing functions.

    Rule 2 of the ledger: background functions fill the account up to max_concurrency less headroom.
    A controller holds queues back before that, so with one a headroom only has to last until its
    changes take hold, about a minute.
    """
    policy = examined.policy
    if policy is None or policy.account.max_concurrency is None or not _has_background(examined):
        return
    peak, whose = _peak(examined)
    kept = policy.account.headroom
    if peak <= kept:
        return
    what = (
        f"its headroom is {kept}, and {whose} {peak} at once within the last 14 days: when "
        "background work has taken all that it may, the rest of them is denied"
    )
    fix = f"set account.headroom to {min(peak, policy.account.max_concurrency)}"
    if examined.has_leader:
        fix += "; less will do where the controller holds the background back in time"
        yield hint(Check.HEADROOM, "account", what, fix)
    else:
        yield warning(Check.HEADROOM, "account", what, fix)


def _has_background(examined: Examined) -> bool:
    return any(
        examined.priority(name) is Priority.BACKGROUND and _draws(examined, name)
        for name in examined.by_name
    )


def _peak(examined: Examined) -> tuple[int, str]:
    """What users needed at once, at least or as CloudWatch has it, and who they are.

    The peak of all user-facing functions together was read for those that seem to be. Where the
    policy has others, the highest peak of one of them is sure.
    """
    users = {
        name: row.peak
        for name, row in examined.by_name.items()
        if row.peak and examined.priority(name) is Priority.USER_FACING and _draws(examined, name)
    }
    seem = {
        row.function.name
        for row in examined.discovery.rows
        if row.peak and row.priority is Priority.USER_FACING and row.details.reserved is None
    }
    if users.keys() == seem:
        return examined.discovery.peaks.users, "user-facing functions together ran up to"
    name = max(users, key=lambda name: users[name], default="")
    return users.get(name, 0), f"the user-facing function {name} alone ran"


def _draws(examined: Examined, name: str) -> bool:
    return examined.entry(name).shared and name not in examined.reserved


RULES = (headroom,)
