"""The policy document: what it may say, whom it resolves to what, and how two of them differ."""

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.changes import Change, diff
from governor.errors import InvalidInputError
from governor.model import Hold, Limits, Mode, Priority
from governor.policy import (
    Account,
    Defaults,
    Function,
    Group,
    Members,
    Policy,
    parse_file,
    parse_json,
    parse_yaml,
    stored,
    version_of,
)
from governor.resolver import REMEMBERED_CLAIMS, Resolver

EXAMPLE = """
account: {max_concurrency: 1000, headroom: 200}
defaults: {priority: user-facing}
groups:
  etl:       {max_concurrency: 100, members: {tags: {pipeline: etl}}}
  orders-db: {max_concurrency: 80, headroom: 20}
functions:
  orders-api: {priority: user-facing, groups: [orders-db]}
  etl-load:   {priority: background, max_concurrency: 60, groups: {orders-db: 2}}
"""


def refusal(document: str) -> InvalidInputError:
    """The complaint about the YAML `document`."""
    with pytest.raises(InvalidInputError) as caught:
        parse_yaml(document)
    return caught.value


# ---------------------------------------------------------------------------------------- reading


def test_the_documented_example_says_what_it_means() -> None:
    policy = parse_yaml(EXAMPLE)
    assert dict(policy.scopes()) == {
        "account": Limits(1000, 200),
        "group:etl": Limits(100),
        "group:orders-db": Limits(80, 20),
        "function:orders-api": Limits(),
        "function:etl-load": Limits(60),
    }
    assert policy.functions["etl-load"].weights == {"orders-db": 2}
    assert policy.functions["orders-api"].weights == {"orders-db": 1}
    assert parse_json(json.dumps(yaml.safe_load(EXAMPLE)).encode()) == policy


@pytest.mark.parametrize("document", ["{}", "account: {}", "groups: {}\nfunctions: {}"])
def test_everything_may_be_left_out(document: str) -> None:
    assert parse_yaml(document) == Policy()


@pytest.mark.parametrize("document", ["", "\n", "# nothing but a comment\n", "---\n", "null"])
def test_an_empty_file_is_no_policy(document: str) -> None:
    assert "the policy is empty; expected account" in refusal(document).reason


@pytest.mark.parametrize("document", ["[]", "'text'", "3", "- account: {}"])
def test_what_is_no_mapping_is_no_policy(document: str) -> None:
    assert "no mapping" in refusal(document).reason


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        ("account: {max_concurrency: 5, headroom: 6}", "account.headroom", "more than max"),
        ("groups: {g: {max_concurrency: 0, headroom: 1}}", "groups.g.headroom", "more than max"),
        ("functions: {f: {groups: [g]}}", "functions.f.groups", "there is no group 'g'"),
        ("functions: {f: {groups: {g: 2}}}", "functions.f.groups", "there is no group 'g'"),
        ("account: {max_concurrency: -1}", "account.max_concurrency", ">= 0"),
        ("account: {max_concurrency: 1000001}", "account.max_concurrency", "<= 1000000"),
        ("account: {max_concurrency: 1e9}", "account.max_concurrency", "int"),
        ("account: {max_concurrency: 2.5}", "account.max_concurrency", "int"),
        ("account: {max_concurrency: .inf}", "account.max_concurrency", "int"),
        ("account: {max_concurrency: .nan}", "account.max_concurrency", "int"),
        ("account: {max_concurrency: '5'}", "account.max_concurrency", "int"),
        ("account: {max_concurrency: true}", "account.max_concurrency", "int"),
        ("account: {max_concurrency: 2026-01-01}", "account.max_concurrency", "int"),
        (f"account: {{max_concurrency: {10**30}}}", "account.max_concurrency", ""),
        ("account: {headroom: -1}", "account.headroom", ">= 0"),
        ("account: {headroom: null}", "account.headroom", "int"),
        ("account: {mode: off}", "account.mode", ""),
        ("account: {limit: 5}", "account.limit", "no such field"),
        ("account: 5", "account", "object"),
        ("acount: {}", "acount", "no such field"),
        ("defaults: {priority: urgent}", "defaults.priority", "urgent"),
        ("groups: [etl]", "groups", "object"),
        ("groups: null", "groups", "object"),
        ("groups: {g: null}", "groups.g", "object"),
        ("groups: {g: {max_concurency: 5}}", "groups.g.max_concurency", "no such field"),
        ("groups: {g: {members: {functions: 'x'}}}", "groups.g.members.functions", "array"),
        ("groups: {g: {members: {functions: ['a b']}}}", "groups.g.members.functions", "match"),
        ("groups: {g: {members: {stack: '1'}}}", "groups.g.members.stack", "match"),
        ("groups: {g: {members: {tags: [a]}}}", "groups.g.members.tags", "object"),
        ("groups: {'': {}}", "groups.", "match"),
        ("groups: {'a:b': {}}", "groups.a:b", "match"),
        ("functions: {f: {priority: 1}}", "functions.f.priority", ""),
        ("functions: {f: {headroom: 1}}", "functions.f.headroom", "no such field"),
        ("functions: {f: {shared: 1}}", "functions.f.shared", "bool"),
        ("functions: {f: {max_attempts: 0}}", "functions.f.max_attempts", ">= 1"),
        ("groups: {g: {}}\nfunctions: {f: {groups: {g: 0}}}", "functions.f.groups", ">= 1"),
        ("groups: {g: {}}\nfunctions: {f: {groups: {g: 99999}}}", "functions.f.groups", "<= 10000"),
        ("groups: {g: {}}\nfunctions: {f: {groups: g}}", "functions.f.groups", "str"),
        ("functions: {'a/b': {}}", "functions.a/b", "match"),
        ('functions: {"f\\n": {}}', "functions.f\N{REPLACEMENT CHARACTER}", "match"),
        ('functions: {"f\\u0007": {}}', "functions.f\N{REPLACEMENT CHARACTER}", "match"),
    ],
)
def test_a_mistake_is_named_by_its_field(document: str, field: str, reason: str) -> None:
    error = refusal(document)
    assert error.field.startswith(field)
    assert reason in error.reason


def test_a_huge_name_is_refused_briefly() -> None:
    document = json.dumps({"functions": {"x" * 10_000: {}}}).encode()
    with pytest.raises(InvalidInputError) as caught:
        parse_json(document)
    assert caught.value.field.startswith("functions.xxx")
    assert len(str(caught.value)) < 500


def test_a_functions_own_headroom_is_not_asked_for() -> None:
    assert Function(max_concurrency=3).limits == Limits(3)


def test_headroom_may_be_all_there_is() -> None:
    assert parse_yaml("account: {max_concurrency: 5, headroom: 5}").account.headroom == 5


def test_headroom_without_a_maximum_is_no_mistake() -> None:
    assert (
        parse_yaml("account: {headroom: 5}").account.limits.limit_for(Priority.BACKGROUND) is None
    )


# -------------------------------------------------------------------------------------- resolving


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


# -------------------------------------------------------------------------------------- comparing


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


names = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
texts = st.text(st.characters(categories=["L", "N", "P"]), max_size=9)
maxima = st.none() | st.integers(0, 1_000_000)
modes = st.sampled_from(Mode)


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """Limits that fit each other."""
    most = draw(maxima)
    headroom = draw(st.integers(0, 1_000_000 if most is None else most))
    return {"max_concurrency": most, "headroom": headroom, "mode": draw(modes)}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy that is in order."""
    members = st.none() | st.builds(
        Members,
        functions=st.lists(names.map("{}*".format), max_size=2).map(tuple),
        tags=st.dictionaries(texts.filter(bool), texts, max_size=2),
        stack=st.none() | st.just("prod-etl"),
    )
    groups = {
        name: Group(**draw(limits()), members=draw(members))
        for name in draw(st.lists(names, max_size=3, unique=True))
    }
    own: st.SearchStrategy[Mapping[str, int] | tuple[str, ...]] = st.just(())
    if groups:
        one = st.sampled_from(sorted(groups))
        own = st.lists(one, unique=True, max_size=3).map(tuple) | st.dictionaries(
            one, st.integers(1, 10_000), min_size=1, max_size=3
        )
    functions = st.builds(
        Function,
        max_concurrency=maxima,
        priority=st.none() | st.sampled_from(Priority),
        groups=own,
        mode=modes,
        max_attempts=st.none() | st.integers(1, 1000),
        shared=st.booleans(),
    )
    return Policy(
        account=Account(**draw(limits())),
        defaults=draw(st.builds(Defaults, priority=st.sampled_from(Priority))),
        groups=groups,
        functions=draw(st.dictionaries(names, functions, max_size=3)),
    )


@settings(deadline=None)
@given(policies())
def test_a_policy_is_read_as_it_was_written(policy: Policy) -> None:
    document = policy.document
    assert parse_json(document) == stored(document) == policy
    assert parse_yaml(yaml.safe_dump(json.loads(document), allow_unicode=True)) == policy
    assert parse_json(document).version == version_of(document) == policy.version


def test_the_version_of_a_stored_policy_is_that_of_the_document_in_the_store() -> None:
    as_another_release_writes_it = b'{"functions": {"api": {}},  "defaults": {}}'
    policy = stored(as_another_release_writes_it)
    assert policy == Policy(functions={"api": Function()})
    assert policy.version == version_of(as_another_release_writes_it)


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


def test_a_file_is_json_if_its_name_says_so() -> None:
    assert parse_file(PurePath("a.json"), b'{"account": {"max_concurrency": 5}}') == parse_file(
        PurePath("a.yaml"), b"account: {max_concurrency: 5}"
    )
    with pytest.raises(InvalidInputError, match="JSON"):
        parse_file(PurePath("a.json"), b"account: {max_concurrency: 5}")
