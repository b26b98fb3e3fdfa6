"""The policy document: what it may say, and how it is read and written."""

import json
from pathlib import PurePath

import pytest
import yaml
from hypothesis import given, settings

from governor.errors import InvalidInputError
from governor.model import Limits, Priority
from governor.policy import (
    Function,
    Policy,
    parse_file,
    parse_json,
    parse_yaml,
    stored,
    version_of,
)
from tests.policies import EXAMPLE, policies


def refusal(document: str) -> InvalidInputError:
    """The complaint about the YAML `document`."""
    with pytest.raises(InvalidInputError) as caught:
        parse_yaml(document)
    return caught.value


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
        ("groups: {g: {members: {functions: [a b]}}}", "groups.g.members.functions[0]", "[seq]"),
        (
            "groups: {g: {members: {stack: '9'}}}",
            "groups.g.members.stack",
            "a letter, then up to 127",
        ),
        ("account: {max_concurrency: .inf}", "account.max_concurrency", "plain decimal"),
        ("account: {max_concurrency: .nan}", "account.max_concurrency", "plain decimal"),
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
        ("groups: {g: {members: {functions: ['a b']}}}", "groups.g.members.functions", "expected"),
        ("groups: {g: {members: {stack: '1'}}}", "groups.g.members.stack", "expected"),
        ("groups: {g: {members: {tags: [a]}}}", "groups.g.members.tags", "object"),
        ("groups: {'': {}}", "groups.", "expected"),
        ("groups: {'a:b': {}}", "groups.a:b", "expected"),
        ("functions: {f: {priority: 1}}", "functions.f.priority", ""),
        ("functions: {f: {headroom: 1}}", "functions.f.headroom", "no such field"),
        ("functions: {f: {shared: 1}}", "functions.f.shared", "bool"),
        ("functions: {f: {max_attempts: 0}}", "functions.f.max_attempts", ">= 1"),
        ("groups: {g: {}}\nfunctions: {f: {groups: {g: 0}}}", "functions.f.groups", ">= 1"),
        ("groups: {g: {}}\nfunctions: {f: {groups: {g: 99999}}}", "functions.f.groups", "<= 10000"),
        ("groups: {g: {}}\nfunctions: {f: {groups: g}}", "functions.f.groups", "str"),
        ("functions: {'a/b': {}}", "functions.a/b", "expected"),
        ('functions: {"f\\n": {}}', "functions.f\N{REPLACEMENT CHARACTER}", "expected"),
        ('functions: {"f\\u0007": {}}', "functions.f\N{REPLACEMENT CHARACTER}", "expected"),
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


def test_a_file_is_json_if_its_name_says_so() -> None:
    assert parse_file(PurePath("a.json"), b'{"account": {"max_concurrency": 5}}') == parse_file(
        PurePath("a.yaml"), b"account: {max_concurrency: 5}"
    )
    with pytest.raises(InvalidInputError, match="JSON"):
        parse_file(PurePath("a.json"), b"account: {max_concurrency: 5}")


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
