"""The policy's limits and headroom, next to the account."""

from dataclasses import replace
from typing import Any

from governor.fleet.details import Details
from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check
from tests.fleet.cases.case import (
    LED,
    account,
    error,
    function,
    hint,
    mapping,
    warning,
)

POOL = "account: {max_concurrency: 1000}"
TAGGED = "groups: {g: {members: {tags: {team: a}}}}"


def limited(policy: str, **others: Any) -> Examined:
    return account(function(), policy=policy, **others)


def tagged(policy: str, tags: dict[str, str] | None) -> Examined:
    return account(function(tags=tags), policy=policy)


def group(rest: str, **others: Any) -> Examined:
    return limited(f"{POOL}\ngroups: {{g: {{members: {{functions: [f]}}, {rest}}}}}", **others)


def weighed(limit: int) -> Examined:
    return limited(
        f"{POOL}\ngroups: {{g: {{max_concurrency: {limit}}}}}\n"
        "functions: {f: {groups: {g: 5}}}"
    )


def own(limit: int, details: Details = Details()) -> Examined:  # noqa: B008 - a value
    return limited(
        f"{POOL}\nfunctions: {{f: {{max_concurrency: {limit}}}}}", details={"f": details}
    )


def two(limit: int, priority: str = "user-facing") -> Examined:
    each = f"{{max_concurrency: {limit}, priority: {priority}}}"
    return account(
        function("a"), function("b"), policy=f"{POOL}\nfunctions: {{a: {each}, b: {each}}}"
    )


def queues(first: int, second: int, **others: Any) -> Examined:
    return account(
        function(),
        mappings=(
            mapping(queue="a", max_concurrency=first),
            mapping(queue="b", max_concurrency=second),
        ),
        **others,
    )


def peaked(headroom: int, users: int = 60, priority: str = "background", **others: Any) -> Examined:
    """An account whose user-facing functions a and b ran 60 at once, 40 of them of a."""
    return account(
        function("a"),
        function("b"),
        function("etl"),
        mappings=(mapping("etl"),),
        peaks={"a": 40, "b": 30, "etl": 500},
        users=users,
        policy=f"""
            account: {{max_concurrency: 1000, headroom: {headroom}}}
            functions: {{etl: {{priority: {priority}}}}}""",
        **others,
    )


def otherwise(headroom: int) -> Examined:
    """The same, and the policy knows better who is user-facing."""
    seen = peaked(0)
    policy = account(
        policy=f"""
            account: {{max_concurrency: 1000, headroom: {headroom}}}
            functions: {{etl: {{priority: background}}, b: {{priority: background}}}}"""
    ).policy
    return replace(seen, policy=policy)


CASES = (
    hint(Check.NO_POLICY, "policy", limited(""), limited("{}"), "--policy"),
    error(
        Check.ACCOUNT_LIMIT, "account", limited(POOL, unreserved=999), limited(POOL), "set account"
    ),
    error(
        Check.ACCOUNT_LIMIT,
        "account",
        limited(POOL, unreserved=999),
        limited(POOL, unreserved=None),
    ),
    warning(
        Check.ACCOUNT_LIMIT,
        "account",
        limited("account: {max_concurrency: 1000, mode: shadow}", unreserved=999),
        limited("account: {max_concurrency: 999, mode: shadow}", unreserved=999),
    ),
    warning(
        Check.ACCOUNT_LIMIT,
        "account",
        limited("account: {headroom: 5}"),
        limited("account: {headroom: 5, max_concurrency: 9}"),
        "headroom of 5",
    ),
    hint(Check.ACCOUNT_LIMIT, "account", limited("{}"), limited("account: {max_concurrency: 9}")),
    warning(
        Check.GROUP_LIMIT,
        "group:g",
        group("max_concurrency: 1001"),
        group("max_concurrency: 1000"),
        "never binds",
    ),
    warning(Check.GROUP_LIMIT, "group:g", weighed(5001), weighed(5000), "weight 5"),
    warning(
        Check.GROUP_LIMIT,
        "group:g",
        group("max_concurrency: 1101", details={"f": Details(reserved=100)}),
        group("max_concurrency: 1100", details={"f": Details(reserved=100)}),
        "1100 invocations run at once",
    ),
    warning(Check.FUNCTION_LIMIT, "function:f", own(1001), own(1000)),
    warning(Check.FUNCTION_LIMIT, "function:f", own(1001), own(1001, Details(reserved=2000))),
    hint(Check.LIMITS_ADD_UP, "account", two(501), two(500), "1,002"),
    hint(Check.LIMITS_ADD_UP, "account", two(501), two(501, "background")),
    warning(Check.QUEUES_OVER_ACCOUNT, "account", queues(600, 401), queues(600, 400), "1,001"),
    warning(
        Check.QUEUES_OVER_ACCOUNT,
        "account",
        queues(600, 401),
        queues(600, 401, details={"f": Details(reserved=900)}),
    ),
    hint(Check.QUEUES_OVER_ACCOUNT, "account", queues(600, 401, governor=LED), queues(600, 400)),
    hint(Check.NOTHING_RUNS, "function:f", own(0), own(1)),
    hint(
        Check.NOTHING_RUNS,
        "group:g",
        group("max_concurrency: 0"),
        group("max_concurrency: 0, mode: shadow"),
    ),
    warning(
        Check.NOTHING_RUNS,
        "group:g",
        group("max_concurrency: 5, headroom: 5"),
        group("max_concurrency: 5, headroom: 4"),
    ),
    warning(
        Check.UNKNOWN_FUNCTION,
        "function:e",
        limited("functions: {e: {}}"),
        limited("functions: {f: {}}"),
    ),
    warning(
        Check.UNKNOWN_FUNCTION,
        "function:e",
        limited("functions: {e: {}}"),
        limited("functions: {e: {}}", hidden=1),
    ),
    warning(
        Check.EMPTY_GROUP,
        "group:g",
        limited("groups: {g: {members: {functions: ['e*']}}}"),
        limited("groups: {g: {members: {functions: ['f*']}}}"),
    ),
    warning(
        Check.EMPTY_GROUP,
        "group:g",
        limited("groups: {g: {}}"),
        limited("groups: {g: {}}\nfunctions: {f: {groups: [g]}}"),
    ),
    warning(
        Check.EMPTY_GROUP,
        "group:g",
        limited("groups: {g: {}}"),
        limited("groups: {g: {}}", hidden=1),
    ),
    warning(Check.HEADROOM, "account", peaked(59), peaked(60), "together ran up to 60"),
    warning(Check.HEADROOM, "account", peaked(59), peaked(59, priority="user-facing")),
    warning(
        Check.HEADROOM,
        "account",
        peaked(59),
        peaked(59, details={"etl": Details(reserved=500)}),
    ),
    warning(Check.HEADROOM, "account", otherwise(39), otherwise(40), "function a alone ran 40"),
    hint(Check.HEADROOM, "account", peaked(59, governor=LED), peaked(60, governor=LED)),
    warning(
        Check.SENSELESS_WISH,
        "function:f",
        tagged("tags: trusted", {"governor:priority": "high"}),
        tagged("tags: trusted", {"governor:priority": "background"}),
        "'high'",
    ),
    warning(
        Check.SENSELESS_WISH,
        "function:f",
        tagged("tags: trusted", {"governor:priority": "high"}),
        tagged("tags: ignored", {"governor:priority": "high"}),
    ),
    warning(
        Check.FUNCTION_LIMIT,
        "function:f",
        tagged("tags: trusted", {"governor:max-concurrency": "1001"}),
        tagged("tags: ignored", {"governor:max-concurrency": "1001"}),
    ),
    warning(Check.EMPTY_GROUP, "group:g", tagged(TAGGED, {}), tagged(TAGGED, {"team": "a"})),
    warning(Check.EMPTY_GROUP, "group:g", tagged(TAGGED, {}), tagged(TAGGED, None)),
)
