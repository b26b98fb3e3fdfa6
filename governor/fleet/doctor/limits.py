"""Limits that don't fit the account, each other, or what there is."""

from collections.abc import Iterator, Mapping

from governor.controller.plan.knobs import while_on
from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check, Finding, error, hint, warning
from governor.model import Mode, Priority, group_scope
from governor.policy import Account, Policy
from governor.wishes import Fate, fates


def no_policy(examined: Examined) -> Iterator[Finding]:
    """Without a policy there is nothing to hold an account against."""
    if examined.policy is None:
        what = "there is none to go by: limits, headroom and who may be denied are not checked"
        fix = "name its file with --policy, or the governor that has it with --url"
        yield hint(Check.NO_POLICY, "policy", what, fix)


def account_limit(examined: Examined) -> Iterator[Finding]:
    """The account's max_concurrency ≤ what reservations leave of AWS's limit.

    Rule 1 of the ledger; Lambda developer guide, "Understanding and visualizing concurrency".
    """
    if examined.policy is None:
        return
    account, limits = examined.policy.account, examined.discovery.limits
    if account.max_concurrency is None:
        yield _no_limit(account)
    elif limits is not None and account.max_concurrency > limits.unreserved:
        what = (
            f"the policy lets {account.max_concurrency} run in the shared pool, AWS only "
            f"{limits.unreserved} (its limit {limits.limit} less what is reserved and "
            "provisioned): AWS throttles users and background alike before the governor denies"
        )
        fix = f"set account.max_concurrency to {limits.unreserved}, or ask AWS for more"
        found = error if account.mode is Mode.ENFORCE else warning
        yield found(Check.ACCOUNT_LIMIT, "account", what, fix)


def _no_limit(account: Account) -> Finding:
    what = "it has no max_concurrency: background work may take the whole pool"
    fix = "set account.max_concurrency to what reservations leave of AWS's limit"
    if account.headroom:
        what += f", and the headroom of {account.headroom} is of nothing"
        return warning(Check.ACCOUNT_LIMIT, "account", what, fix)
    return hint(Check.ACCOUNT_LIMIT, "account", what, fix)


def group_limit(examined: Examined) -> Iterator[Finding]:
    """A group can't have more in use than its heaviest members, all over the account.

    DESIGN's words: weight is what one invocation counts in a group. Members with reserved
    concurrency run beside the shared pool.
    """
    pool = _pool(examined)
    if examined.policy is None or pool is None:
        return
    room = pool + sum(examined.reserved.values())
    heaviest = _heaviest(examined)
    for name, group in examined.policy.groups.items():
        most, weight = group.max_concurrency, heaviest.get(name, 1)
        if most is None or most <= room * weight:
            continue
        weighed = f", of weight {weight} at most," if weight > 1 else ""
        what = f"its max_concurrency {most} never binds: {room} invocations{weighed} run at once"
        fix = f"set it to what the group may really take, less than {room * weight}"
        yield warning(Check.GROUP_LIMIT, f"group:{name}", what, fix)


def function_limit(examined: Examined) -> Iterator[Finding]:
    """A function in the shared pool can't have more in use than the pool.

    Lambda developer guide, "Understanding and visualizing concurrency".
    """
    pool = _pool(examined)
    for name, function in examined.entries.items():
        most = function.max_concurrency
        if pool is None or most is None or most <= pool or not _is_shared(examined, name):
            continue
        what = f"its max_concurrency {most} never binds: the account runs {pool} at once"
        fix = "set it to what the function may really take, or leave it out"
        yield warning(Check.FUNCTION_LIMIT, f"function:{name}", what, fix)


def limits_add_up(examined: Examined) -> Iterator[Finding]:
    """What user-facing functions may take at once fits into the account.

    Limits cap without reserving, so they may add up to more; but then functions that users wait for
    compete with each other, and no headroom helps (rule 2 of the ledger).
    """
    pool = _pool(examined)
    if pool is None:
        return
    limits = [
        function.max_concurrency
        for name, function in examined.entries.items()
        if function.max_concurrency is not None
        and _is_shared(examined, name)
        and examined.priority(name) is Priority.USER_FACING
    ]
    if sum(limits) > pool:
        what = (
            f"the limits of {len(limits):,} user-facing functions add up to {sum(limits):,}, the "
            f"account has {pool:,}: if they all peak together, the governor denies or AWS throttles"
        )
        fix = "none if they don't peak together; else lower some, or ask AWS for a higher limit"
        yield hint(Check.LIMITS_ADD_UP, "account", what, fix)


def queues_over_account(examined: Examined) -> Iterator[Finding]:
    """What queues may start at once, by MaximumConcurrency, fits into the account.

    Lambda developer guide, "Configuring maximum concurrency for Amazon SQS event sources".
    """
    pool = _pool(examined)
    lets = [
        most
        for name in examined.by_name
        if name not in examined.reserved
        for each in examined.mappings(name)
        if (most := while_on(each.knobs)) is not None
    ]
    if pool is not None and sum(lets) > pool:
        what = (
            f"the MaximumConcurrency of {len(lets):,} mappings adds up to {sum(lets):,}, the "
            f"account has {pool:,}: together, the queues can take all of it"
        )
        fix = "lower them, or run a controller, which shares what users leave among the queues"
        found = hint if examined.has_leader else warning
        yield found(Check.QUEUES_OVER_ACCOUNT, "account", what, fix)


def nothing_runs(examined: Examined) -> Iterator[Finding]:
    """A limit of 0 lets nothing run, nor does one that is all headroom let background work.

    Rule 2 of the ledger.
    """
    if examined.policy is None:
        return
    for scope, limits in examined.policy.scopes():
        if limits.mode is not Mode.ENFORCE:
            continue
        if limits.max_concurrency == 0:
            fix = "raise max_concurrency, unless it is to stand still"
            what = "its max_concurrency is 0: nothing of it runs"
            yield hint(Check.NOTHING_RUNS, scope, what, fix)
        elif limits.limit_for(Priority.BACKGROUND) == 0:
            what = f"all of its {limits.max_concurrency} are headroom: no background work runs"
            yield warning(Check.NOTHING_RUNS, scope, what, "lower the headroom")


def unknown_function(examined: Examined) -> Iterator[Finding]:
    """The functions that a policy names exist; told where all of the account were read."""
    if examined.policy is None or not (examined.is_whole and examined.by_name):
        return
    for name in sorted(examined.policy.functions.keys() - examined.by_name.keys()):
        what = f"the policy names it, and there is none in {examined.discovery.region}"
        fix = "correct the name, or take it out of the policy"
        yield warning(Check.UNKNOWN_FUNCTION, f"function:{name}", what, fix)


def empty_group(examined: Examined) -> Iterator[Finding]:
    """Somebody belongs to each group; told where all functions of the account were read."""
    if examined.policy is None or not (examined.is_whole and examined.by_name):
        return
    unread = any(row.function.tags is None for row in examined.discovery.rows)
    peopled = {
        hold.scope for name in examined.by_name for hold in examined.resolver.claim(name).holds
    }
    for name, group in examined.policy.groups.items():
        members = group.members
        by_tags = members is not None and bool(members.tags or members.stack)
        if group_scope(name) in peopled or (by_tags and unread):
            continue
        what = "no function of the account belongs to it: it limits nothing"
        fix = "correct its members, or have functions name it"
        yield warning(Check.EMPTY_GROUP, f"group:{name}", what, fix)


def senseless_wish(examined: Examined) -> Iterator[Finding]:
    """What functions' own tags ask of a governor that trusts them makes sense (README, tags)."""
    for wish in fates(examined.resolver.policy, examined.resolver.facts):
        if wish.fate is Fate.SENSELESS:
            what = f"its tag {wish.tag} says {wish.value!r}: {wish.reason}"
            fix = "correct the tag; `governor fleet sync` tells the governor at once"
            yield warning(Check.SENSELESS_WISH, f"function:{wish.function}", what, fix)


def _pool(examined: Examined) -> int | None:
    """How many can run at once in the shared pool: the policy's word, or AWS's if that is lower."""
    limits, policy = examined.discovery.limits, examined.policy or Policy()
    known = (policy.account.max_concurrency, None if limits is None else limits.unreserved)
    return min((each for each in known if each is not None), default=None)


def _is_shared(examined: Examined, name: str) -> bool:
    return examined.entry(name).shared and name not in examined.reserved


def _heaviest(examined: Examined) -> Mapping[str, int]:
    """The highest weight that the policy gives to a function in each group."""
    heaviest: dict[str, int] = {}
    for function in examined.entries.values():
        for name, weight in function.weights.items():
            heaviest[name] = max(weight, heaviest.get(name, 1))
    return heaviest


RULES = (
    no_policy,
    account_limit,
    group_limit,
    function_limit,
    limits_add_up,
    queues_over_account,
    nothing_runs,
    unknown_function,
    empty_group,
    senseless_wish,
)
