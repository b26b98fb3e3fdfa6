"""How two policies differ."""

import msgspec
from hypothesis import given, settings

from governor.changes import Change, diff
from governor.policy import (
    Policy,
    parse_json,
    parse_yaml,
)
from tests.policies import policies


def test_a_difference_has_a_path_a_before_and_an_after() -> None:
    before = parse_yaml("account: {max_concurrency: 5}\ngroups: {g: {max_concurrency: 1}, h: {}}")
    after = parse_yaml(
        "account: {max_concurrency: 6}\ngroups: {g: {headroom: 0}, i: {headroom: 2}}"
    )
    assert diff(before, after) == [
        Change("account.max_concurrency", 5, 6),
        Change("groups.g.max_concurrency", 1, None),
        Change("groups.h", {}, None),
        Change("groups.i", None, {"headroom": 2}),
    ]


@settings(deadline=None)
@given(policies())
def test_a_policy_does_not_differ_from_itself(policy: Policy) -> None:
    assert diff(policy, parse_json(policy.document)) == []


@settings(deadline=None)
@given(policies(), policies())
def test_the_differences_lead_from_one_policy_to_the_other(before: Policy, after: Policy) -> None:
    sections = {"groups": {}, "functions": {}} | msgspec.to_builtins(before)
    for change in diff(before, after):
        *path, last = change.path.split(".")
        entry = sections
        for name in path:
            entry = entry[name]
        assert entry.get(last) == change.before
        if change.after is None:
            del entry[last]
        else:
            entry[last] = change.after
    assert parse_json(msgspec.json.encode(sections)) == after
    assert (before.version == after.version) == (before == after)
