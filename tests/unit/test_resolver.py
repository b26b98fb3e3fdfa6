"""Whom the policy resolves to what: a function's limits, and where it holds a unit."""

import pytest

from governor.model import Hold, Limits, Priority
from governor.policy import (
    Policy,
    parse_yaml,
)
from governor.resolver import REMEMBERED_CLAIMS, Resolver
from tests.policies import EXAMPLE


def holds(policy: str, function: str) -> dict[str, int]:
    """Weight by scope of what an invocation of `function` holds."""
    claim = Resolver(parse_yaml(policy)).claim(function)
    return {hold.scope: hold.weight for hold in claim.holds}


def test_a_function_holds_in_itself_its_groups_by_name_and_the_account() -> None:
    claim = Resolver(parse_yaml(EXAMPLE)).claim("etl-load")
    assert claim.holds == (
        Hold("function:etl-load", 1, Limits(60)),
        Hold("group:orders-db", 2, Limits(80, 20)),
        Hold("account", 1, Limits(1000, 200)),
    )
    assert (claim.priority, claim.max_attempts) == (Priority.BACKGROUND, None)


@pytest.mark.parametrize(
    ("pattern", "members", "others"),
    [
        ("etl-*", ["etl-", "etl-load"], ["etl", "my-etl-load", "ETL-load"]),
        ("*-load", ["-load", "etl-load"], ["etl-load-2"]),
        ("etl-?", ["etl-1"], ["etl-", "etl-12"]),
        ("etl-[ab]", ["etl-a", "etl-b"], ["etl-c", "etl-[ab]"]),
        ("etl-[!ab]", ["etl-c"], ["etl-a"]),
        ("etl.load", ["etl.load"], ["etl-load"]),
        ("*", ["anything"], []),
    ],
)
def test_a_group_names_members_by_pattern(
    pattern: str, members: list[str], others: list[str]
) -> None:
    policy = f"groups: {{g: {{members: {{functions: ['{pattern}']}}}}}}"
    for name in members:
        assert holds(policy, name)["group:g"] == 1
    for name in others:
        assert "group:g" not in holds(policy, name)


def test_a_functions_own_weight_goes_before_its_groups_pattern() -> None:
    policy = "groups: {g: {members: {functions: ['f*', f]}}}\nfunctions: {f: {groups: {g: 5}}}"
    assert holds(policy, "f")["group:g"] == 5
    assert holds(policy, "f2")["group:g"] == 1


def test_groups_are_held_once_and_in_the_order_of_their_names() -> None:
    policy = """
    groups:
      zeta: {members: {functions: ["f*", f, "*"]}}
      alpha: {members: {functions: ["f"]}}
      other: {members: {functions: ["g*"]}}
    functions: {f: {groups: [zeta]}}
    """
    assert list(holds(policy, "f")) == ["function:f", "group:alpha", "group:zeta", "account"]


def test_an_unshared_function_is_not_in_the_account() -> None:
    policy = "groups: {g: {}}\nfunctions: {f: {shared: false, groups: [g]}}"
    assert list(holds(policy, "f")) == ["function:f", "group:g"]


def test_an_unknown_function_gets_the_defaults_and_is_not_listed() -> None:
    policy = parse_yaml("account: {max_concurrency: 3}\ndefaults: {priority: background}")
    claim = Resolver(policy).claim("unknown")
    assert claim.priority is Priority.BACKGROUND
    assert claim.holds == (
        Hold("function:unknown", 1, Limits(), listed=False),
        Hold("account", 1, Limits(3)),
    )


def test_a_function_without_a_priority_has_the_default_one() -> None:
    resolver = Resolver(
        parse_yaml(
            "defaults: {priority: background}\n"
            "functions: {plain: {max_concurrency: 1}, user: {priority: user-facing}}"
        )
    )
    assert resolver.claim("plain").priority is Priority.BACKGROUND
    assert resolver.claim("user").priority is Priority.USER_FACING


def test_made_up_names_do_not_fill_the_memory() -> None:
    resolver = Resolver(Policy())
    for number in range(REMEMBERED_CLAIMS + 1000):
        resolver.claim(f"made-up-{number}")
    assert resolver.claim.cache_info().currsize == REMEMBERED_CLAIMS
