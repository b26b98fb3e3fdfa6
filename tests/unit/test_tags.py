"""Groups by tags and stack, and wishes: held to a model that looks at everything each time."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.facts import STACK, Facts, Tags, packed
from governor.model import ACCOUNT, Limits, Priority, function_scope, group_scope
from governor.policy import Function, Group, Members, Policy, Trust, parse_json, parse_yaml
from governor.resolver import Resolver
from governor.wishes import Fate, Wish, completed, fates

NAMES = ("api", "etl-load", "etl-save", "mail")
GROUPS = ("a", "b", "c")

words = st.sampled_from(["x", "y"])
tag_sets = st.dictionaries(st.sampled_from(["k", "l", STACK]), words, max_size=3)
users_tags = st.dictionaries(st.sampled_from(["k", "l"]), words, max_size=2)
members = st.builds(
    Members,
    st.lists(st.sampled_from(["etl-*", "api", "*a*", "mai?"]), max_size=2).map(tuple),
    users_tags,
    st.none() | words,
)
weights = st.dictionaries(st.sampled_from(GROUPS), st.integers(1, 9), max_size=2)
entries = st.builds(
    Function,
    max_concurrency=st.none() | st.integers(0, 99),
    priority=st.none() | st.sampled_from(Priority),
    groups=weights | st.lists(st.sampled_from(GROUPS), unique=True, max_size=2).map(tuple),
)
policies = st.builds(
    Policy,
    tags=st.sampled_from(Trust),
    groups=st.fixed_dictionaries(
        {name: st.builds(Group, members=st.none() | members) for name in GROUPS}
    ),
    functions=st.dictionaries(st.sampled_from(NAMES), entries, max_size=3),
)
fleets = st.dictionaries(st.sampled_from(NAMES), tag_sets)
wish_tags = st.fixed_dictionaries(
    {},
    optional={
        "governor:priority": st.sampled_from(["user-facing", "background", "high", ""]),
        "governor:max-concurrency": st.sampled_from(["0", "7", "1000000", "-1", "1_0", "٣", "1e3"]),
        "governor:groups": st.sampled_from(
            ["a", "a:2 b", "a:0 c", "nowhere b:3", "b b:2", " ", "a:"]
        ),
    },
)


def belongs(name: str, tags: dict[str, str], group: Group) -> bool:
    """Whether a group's members include a function, by the words of the README."""
    if group.members is None:
        return False
    wanted = group.members.tags
    return (
        any(fnmatchcase(name, glob) for glob in group.members.functions)
        or (bool(wanted) and all(tags.get(key) == value for key, value in wanted.items()))
        or (group.members.stack is not None and tags.get(STACK) == group.members.stack)
    )


@given(policies, fleets)
def test_groups_are_those_of_the_model(policy: Policy, fleet: dict[str, dict[str, str]]) -> None:
    resolver = Resolver(policy, Facts(tags=packed(fleet)))
    for name in NAMES:
        tags = fleet.get(name, {})
        expected = {each: 1 for each, group in policy.groups.items() if belongs(name, tags, group)}
        expected |= policy.functions.get(name, Function()).weights
        assert resolver.groups(name) == expected
        held = {hold.scope: hold.weight for hold in resolver.claim(name).holds}
        own = {function_scope(name): 1, ACCOUNT: 1}
        assert held == own | {group_scope(each): weight for each, weight in expected.items()}


@pytest.mark.parametrize(
    ("tags", "groups"),
    [
        ({"pipeline": "etl", "stage": "prod", "team": "a"}, {"both"}),
        ({"pipeline": "etl"}, set()),
        ({"stage": "prod"}, set()),
        ({"pipeline": "etl", "stage": "test", STACK: "shop"}, {"either"}),
        ({"team": "b"}, {"either"}),
        ({"stack": "shop", "Team": "b"}, set()),
    ],
)
def test_all_of_the_tags_or_the_stack(tags: dict[str, str], groups: set[str]) -> None:
    policy = parse_yaml("""
        groups:
          both: {members: {tags: {pipeline: etl, stage: prod}}}
          either: {members: {tags: {team: b}, stack: shop}}
    """)
    assert set(Resolver(policy, Facts(tags=packed({"f": tags}))).groups("f")) == groups


def test_no_tags_wanted_is_no_member() -> None:
    policy = parse_yaml("groups: {a: {members: {tags: {}}}, b: {members: {}}}")
    assert Resolver(policy, Facts(tags=packed({"f": {"k": "v"}}))).groups("f") == {}


@given(policies, st.dictionaries(st.sampled_from(NAMES), wish_tags))
def test_a_wish_counts_where_the_policy_is_open_and_trusts(policy: Policy, fleet: Tags) -> None:
    facts = Facts(tags=packed(fleet))
    after = completed(policy, facts)
    assert parse_json(after.document) == after, "what comes of wishes is a policy"
    told = list(fates(policy, facts))
    had = {(each.function, each.tag) for each in told if each.fate is Fate.HONOURED}
    for name in NAMES:
        before = policy.functions.get(name, Function())
        entry = after.functions.get(name, Function())
        for field in ("priority", "max_concurrency", "groups"):
            was, now = getattr(before, field), getattr(entry, field)
            is_open = was in (None, (), {})
            assert now == was or (is_open and policy.tags is Trust.TRUSTED)
            tag = f"governor:{field.replace('_', '-')}"
            assert ((name, tag) in had) == (now != was)
    assert (after is policy) == (not had)


def test_what_becomes_of_wishes() -> None:
    policy = parse_yaml("""
        tags: trusted
        groups: {etl: {}, orders-db: {}}
        functions: {load: {max_concurrency: 5}}
    """)
    facts = Facts(
        tags=packed(
            {
                "load": {
                    "governor:max-concurrency": "9",
                    "governor:priority": "background",
                    "governor:groups": "orders-db:2 etl sales etl:3",
                },
                "other": {"governor:priority": "urgent", "governor:max-concurrency": "12.5"},
            }
        )
    )
    assert list(fates(policy, facts)) == [
        Wish("load", "governor:priority", "background", Fate.HONOURED),
        Wish("load", "governor:max-concurrency", "9", Fate.OVERRULED),
        Wish("load", "governor:groups", "orders-db:2", Fate.HONOURED),
        Wish("load", "governor:groups", "etl", Fate.HONOURED),
        Wish("load", "governor:groups", "sales", Fate.SENSELESS, "the policy has no group 'sales'"),
        Wish("load", "governor:groups", "etl:3", Fate.SENSELESS, "the group 'etl' a second time"),
        Wish(
            "other",
            "governor:priority",
            "urgent",
            Fate.SENSELESS,
            "expected user-facing or background",
        ),
        Wish(
            "other",
            "governor:max-concurrency",
            "12.5",
            Fate.SENSELESS,
            "expected a number from 0 to 1,000,000",
        ),
    ]
    resolver = Resolver(policy, facts)
    assert resolver.effective.functions == {
        "load": Function(
            max_concurrency=5, priority=Priority.BACKGROUND, groups={"orders-db": 2, "etl": 1}
        )
    }
    claim = resolver.claim("load")
    assert claim.priority is Priority.BACKGROUND
    assert claim.limits_of("function:load") == Limits(5)
    assert resolver.unlike_most == ("function:load",)
    assert resolver.policy is policy


def test_a_policy_that_does_not_trust_tags_ignores_them() -> None:
    facts = Facts(tags=packed({"load": {"governor:priority": "background"}}))
    policy = parse_yaml("{}")
    assert Resolver(policy, facts).claim("load").priority is Priority.USER_FACING
    assert [each.fate for each in fates(policy, facts)] == [Fate.IGNORED]


def test_a_function_with_a_wish_is_listed() -> None:
    policy = parse_yaml("tags: trusted")
    facts = Facts(tags=packed({"load": {"governor:max-concurrency": "0"}}))
    (own, _) = Resolver(policy, facts).claim("load").holds
    assert own.listed
    assert dict(Resolver(policy, facts).effective.scopes())["function:load"] == Limits(0)


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ({"team": "a", "": ""}, {"team": "a", "": ""}),
        ({"aws:cloudformation:logical-id": "X", STACK: "prod"}, {STACK: "prod"}),
        ({"governor:original": "reserved=none"}, {}),
        ({"governor:priority": "nonsense"}, {"governor:priority": "nonsense"}),
    ],
)
def test_bookkeeping_is_no_fact(tags: dict[str, str], kept: dict[str, str]) -> None:
    facts = Facts(tags=packed({"f": tags}))
    assert facts.tags_of("f") == kept
    assert bool(facts) == bool(kept)
