"""Untrusted input: what fits becomes a value, everything else a complaint that names the field."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from governor.errors import InvalidInputError
from governor.model import Acquire
from governor.validation import (
    MAX_DEPTH,
    FunctionName,
    GroupName,
    LeaseId,
    convert,
    decoder,
    json_value,
    yaml_value,
)


class Body(Struct, forbid_unknown_fields=True):
    """A request, for example."""

    id: LeaseId
    ttl_ms: int
    tags: dict[str, str] = {}


def complaint(text: str | bytes) -> str:
    """What is said of YAML that can't be read."""
    with pytest.raises(InvalidInputError) as caught:
        yaml_value(text)
    assert caught.value.field == ""
    return caught.value.reason


# ------------------------------------------------------------------------------------------- YAML


def test_yaml_is_read_as_plain_values() -> None:
    text = "a: [1, 2.5, true, null, 'text']\nb: {c: {}}"
    assert yaml_value(text) == {"a": [1, 2.5, True, None, "text"], "b": {"c": {}}}
    assert yaml_value(text.encode()) == yaml_value(text)


@pytest.mark.parametrize("text", ["", "# only a comment", "---"])
def test_yaml_may_be_empty(text: str) -> None:
    assert yaml_value(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x 1\nb: *x", "an alias (*name); write the value out instead, line 2, column 4"),
        ("a: &x [*x]", "an alias"),
        ("a: 1\nb: 2\na: 3", "the key 'a' a second time, line 3, column 1"),
        ("x: {a: 1, 'a': 2}", "the key 'a' a second time"),
        ("x: [{a: 1, a: 2}]", "the key 'a' a second time"),
        ("1: a", "a key that is no string; put it in quotes, line 1, column 1"),
        ("null: a", "a key that is no string"),
        ("off: a", "a key that is no string"),
        ("? [a]\n: b", "a key that is no string"),
        ("<<: {a: 1}", "a key that is no string"),
        ("a: [1", "line 2"),
        ("a: b: c", "line 1"),
        ("\ta: 1", "line 1"),
        ("a: 1\n--- \nb: 2", "line 2"),
        ("!!python/object/apply:os.system ['true']", "a tag (!"),
        ("a: !!binary AAAA", "a tag (!"),
        ("a: !!int ''", "a tag (!"),
        ("a: !!bool maybe", "a tag (!"),
        ("a: !!timestamp never", "a tag (!"),
        ("a: !own 1", "a tag (!"),
        ("!!set {a, b}", "a tag (!"),
        ("a: 2026-13-45", "month"),
        (b"\xff\xfe\x00", ""),
        (b"a: \x80", ""),
        ("a: \x00", ""),
        ("[" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels of nesting"),
        ("{a: " * 100_000, "levels of nesting"),
        ("- " * 100_000 + "a", "levels of nesting"),
    ],
)
def test_yaml_that_is_refused(text: str | bytes, reason: str) -> None:
    said = complaint(text)
    assert said.startswith("no valid YAML: ")
    assert reason in said
    assert said.isprintable()
    assert len(said) < 300


@pytest.mark.parametrize(
    "number",
    [
        "0100",
        "1:30",
        "0x10",
        "0b11",
        "1_000",
        "+5",
        "-010",
        "1:30.5",
        ".5",
        "5.",
        ".inf",
        "-.inf",
        ".nan",
    ],
)
def test_numbers_in_yaml_are_plain_decimals(number: str) -> None:
    with pytest.raises(InvalidInputError, match="expected a plain decimal number") as caught:
        yaml_value(f"a: {{b: [1, {number}]}}")
    assert caught.value.field == "a.b[1]"
    assert caught.value.reason.endswith(f"not {number}")
    assert yaml_value(f"a: '{number}'") == {"a": number}


@pytest.mark.parametrize("number", ["0", "-1", "100", "0.5", "-0.25", "1.0e+20"])
def test_plain_decimals_in_yaml_are_numbers(number: str) -> None:
    assert yaml_value(number) == float(number)


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert "an alias" in complaint("\n".join(lines))


def test_nesting_up_to_the_bound_is_read() -> None:
    assert yaml_value("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


@settings(deadline=None)
@given(st.text() | st.binary())
def test_whatever_comes_as_yaml_is_a_value_or_a_complaint(text: str | bytes) -> None:
    with suppress(InvalidInputError):
        yaml_value(text)


# ------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b"[1,]", b"\xff", b'"\xff"', b"[" * 100_000, b"1 2"],
)
def test_json_that_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInputError, match="no valid JSON") as caught:
        json_value(text)
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(st.binary())
def test_whatever_comes_as_json_is_a_value_or_a_complaint(text: bytes) -> None:
    with suppress(InvalidInputError):
        json_value(text)


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (b"[]", "", "object"),
        (b'{"ttl_ms": 1}', "id", "is required"),
        (b'{"id": "a"}', "ttl_ms", "is required"),
        (b'{"id": "a", "ttl_ms": "1"}', "ttl_ms", "int"),
        (b'{"id": "a", "ttl_ms": 1.5}', "ttl_ms", "int"),
        (b'{"id": "a", "ttl_ms": null}', "ttl_ms", "int"),
        (b'{"id": "a", "ttl_ms": 1, "ttl": 1}', "ttl", "there is no such field"),
        (b'{"id": "a b", "ttl_ms": 1}', "id", "expected 1 to 128 letters, digits and ._:@~+=-"),
        (b'{"id": "", "ttl_ms": 1}', "id", "expected 1 to 128 letters"),
        (b'{"id": "a", "ttl_ms": 1, "tags": {"b": 1}}', "tags", "str"),
    ],
)
def test_a_mistake_in_json_is_named_by_its_field(text: bytes, field: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        decoder(Body)(text)
    assert caught.value.field.startswith(field)
    assert reason in caught.value.reason


def test_the_name_of_an_unknown_field_can_hurt_no_terminal() -> None:
    text = b'{"id": "a", "ttl_ms": 1, "\\u001b[31m\\n' + b"x" * 10_000 + b'": 1}'
    with pytest.raises(InvalidInputError, match="there is no such field") as caught:
        decoder(Body)(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


# ------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        (FunctionName, "orders-api"),
        (FunctionName, "a.B_9-"),
        (FunctionName, "x" * 140),
        (GroupName, "x" * 128),
        (LeaseId, "8f5a4d0c-4c7e:5f1c"),
        (LeaseId, "a@b~c+d=e.f_g"),
        (LeaseId, "x" * 128),
    ],
)
def test_names_that_are_names(kind: type[str], good: str) -> None:
    assert convert(good, kind) == good


@pytest.mark.parametrize(
    "kind", [FunctionName, GroupName, LeaseId], ids=["function", "group", "lease"]
)
@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "a b",
        "a\n",
        "\na",
        "a\x00",
        "a\x1b[0m",
        "a/b",
        "a{b}",
        "ä",
        "x" * 141,
        "x" * 10_000,
    ],
)
def test_names_that_are_none(kind: type[str], bad: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        convert(bad, kind, "name")
    assert caught.value.field == "name"
    assert str(caught.value).isprintable()
    assert "letters, digits and" in caught.value.reason


@pytest.mark.parametrize("value", [None, 1, ["a"], {"a": 1}, "\ud800"])
def test_what_is_no_text_is_no_name(value: object) -> None:
    with pytest.raises(InvalidInputError):
        convert(value, FunctionName, "name")


def test_a_value_of_the_model_can_be_asked_for() -> None:
    acquire = convert({"id": "a", "function": "f", "ttl_ms": 5}, Acquire)
    assert acquire == Acquire("a", "f", 5)
