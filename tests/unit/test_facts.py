"""Facts: how they complete a policy, and that the version tells of them."""

import pytest

from governor.facts import Facts, recorded
from governor.model import ACCOUNT
from governor.policy import Policy, parse_yaml
from governor.resolver import Resolver

POLICY = parse_yaml("functions: {etl: {max_attempts: 9}, own: {shared: false}, load: {}}")
FACTS = Facts({"etl": 3, "load": 5}, frozenset({"report", "load"}))


@pytest.mark.parametrize(
    ("function", "max_attempts"), [("etl", 9), ("load", 5), ("report", None), ("own", None)]
)
def test_the_policy_goes_before_the_redrive_policy(function: str, max_attempts: int | None) -> None:
    assert Resolver(POLICY, FACTS).claim(function).max_attempts == max_attempts


def test_who_has_reserved_concurrency_does_not_count_in_the_account() -> None:
    resolver = Resolver(POLICY, FACTS)
    scopes = {name: resolver.claim(name).scopes for name in ("etl", "own", "load", "report")}
    assert {name for name, each in scopes.items() if ACCOUNT in each} == {"etl"}
    assert all(f"function:{name}" in each for name, each in scopes.items())


def test_equal_rules_have_one_version_and_others_another() -> None:
    same = Facts({"load": 5, "etl": 3}, frozenset({"load", "report"}))
    assert Resolver(POLICY, FACTS).version == Resolver(POLICY, same).version
    others = [
        Resolver(POLICY),
        Resolver(Policy(), FACTS),
        Resolver(POLICY, Facts({"etl": 3, "load": 4}, FACTS.unshared)),
        Resolver(POLICY, Facts(FACTS.max_attempts)),
        Resolver(POLICY, FACTS),
    ]
    assert len({each.version for each in others}) == len(others)


@pytest.mark.parametrize("facts", [FACTS, Facts(), Facts({"a": 1}), Facts({}, frozenset({"a"}))])
def test_what_is_recorded_is_read_again(facts: Facts) -> None:
    again = recorded(facts.document)
    assert again == facts
    assert again.version == facts.version


def test_what_another_release_recorded_keeps_its_version() -> None:
    document = b'{"unshared":["a"],"weather":"fine"}'
    again = recorded(document)
    assert again.unshared == {"a"}
    assert again.document == document
