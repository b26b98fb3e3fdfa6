"""Turn untrusted input into typed values; what does not fit is named by its field."""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from msgspec import Meta

from governor.errors import InvalidInputError

T = TypeVar("T")

_WORDS: dict[str, str] = {}
"""msgspec's complaint about each pattern → what the pattern asks for."""


def spelled(pattern: str, words: str, **about: Any) -> Meta:
    """Return what text has to be: all of it matches `pattern`, which complaints say in `words`."""
    # $ also matches before a last newline, hence the (?!\n); \Z is unknown to JSON Schema.
    whole = f"^{pattern}$(?!\\n)"
    _WORDS[f"Expected `str` matching regex {whole!r}"] = words
    return Meta(pattern=whole, **about)


FunctionName = Annotated[
    str,
    spelled(
        "[A-Za-z0-9_.-]{1,140}",
        "1 to 140 letters, digits and _.-",
        description="A function's name, as in AWS_LAMBDA_FUNCTION_NAME.",
        examples=["orders-api"],
    ),
]
GroupName = Annotated[
    str,
    spelled(
        "[A-Za-z0-9_.-]{1,128}",
        "1 to 128 letters, digits and _.-",
        description="A group's name.",
        examples=["etl"],
    ),
]
Scope = Annotated[
    str,
    spelled(
        "(account|(function|group):[A-Za-z0-9_.-]{1,140})",
        "account, group:<name> or function:<name>",
        description="account, group:<name> or function:<name>.",
        examples=["group:etl"],
    ),
]
LeaseId = Annotated[
    str,
    spelled(
        "[A-Za-z0-9._:@~+=-]{1,128}",
        "1 to 128 letters, digits and ._:@~+=-",
        description="The caller's id of one attempt: unique, such as request id and a nonce.",
        examples=["8f5a4d0c-4c7e-4a63-9d1c-0b7f6a1f2e3d:5f1c"],
    ),
]

_PLACE = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
"""Numbers as JSON has them (RFC 8259, 6)."""

MAX_DEPTH = 32
"""Deepest nesting of lists and objects that input may have."""


def refused(error: msgspec.ValidationError, at: str = "") -> InvalidInputError:
    """Translate msgspec's complaint about the value that stands at the path `at`."""
    reason = str(error)
    path = ""
    if place := _PLACE.search(reason):
        reason, path = reason[: place.start()], place["path"]
    if unknown := _UNKNOWN.match(reason):
        reason, path = "there is no such field", f"{path}.{unknown['name']}"
    elif missing := _MISSING.match(reason):
        reason, path = "is required", f"{path}.{missing['name']}"
    elif words := _WORDS.get(reason):
        reason = f"expected {words}"
    return InvalidInputError(_printable(f"{at}{path}".lstrip(".")), _printable(reason))


def _printable(text: str, most: int = 200) -> str:
    """Return `text` fit for a log line and a terminal, however hostile it is."""
    clean = "".join(char if char.isprintable() else "�" for char in text[: most + 1])
    return clean if len(clean) <= most else clean[:most] + "…"


def convert(value: object, to: type[T], at: str = "", *, strict: bool = True) -> T:
    """Return builtins `value` as a `to`; unless `strict`, text is read as what it stands for.

    Raises `InvalidInputError` with the path below `at`.
    """
    try:
        return msgspec.convert(value, to, strict=strict)
    except msgspec.ValidationError as error:
        raise refused(error, at) from error
    except ValueError as error:  # lone surrogates in strings
        raise InvalidInputError(at, _printable(str(error))) from error


def decoder(to: type[T]) -> Callable[[bytes], T]:
    """Return a function that reads JSON as a `to`, or raises `InvalidInputError`."""
    decode = msgspec.json.Decoder(to).decode

    def read(text: bytes) -> T:
        try:
            return decode(text)
        except msgspec.ValidationError as error:
            raise refused(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInputError("", f"no valid JSON: {_printable(str(error))}") from error

    return read


def json_value(text: bytes) -> object:
    """Read any JSON value that has no duplicate keys and no deep nesting.

    Raises `InvalidInputError`.
    """
    value: object = decoder(object)(text)
    _check_depth(value)
    # Valid as it is, it may still name a thing twice, and msgspec would keep the last.
    json.loads(text, object_pairs_hook=_refuse_duplicates)
    return value


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise InvalidInputError("", f"more than {MAX_DEPTH} levels of nesting")


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise InvalidInputError("", f"no valid JSON: the key {_printable(key)!r} a second time")
        seen.add(key)


def yaml_value(text: str | bytes) -> object:
    """Read a YAML document of plain values; None when it is empty.

    Aliases are refused (a few of them can stand for gigabytes), as are tags, duplicate keys, keys
    that are no strings and numbers that YAML 1.1 reads in another base: 0100 is 64 there, 1:30 is
    90. Raises `InvalidInputError` with the line, or with the field of such a number.
    """
    try:
        root = _compose(text)
        if root is None:
            return None
        _check(root, "")
        return yaml.CSafeLoader("").construct_document(root)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInputError("", f"no valid YAML: {_printable(_yaml_reason(error))}") from error


def _compose(text: str | bytes) -> yaml.Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        match event:
            case yaml.AliasEvent():
                raise _at(event, "an alias (*name); write the value out instead")
            case yaml.ScalarEvent(tag=str()) | yaml.CollectionStartEvent(tag=str()):
                raise _at(event, "a tag (!name); write a plain value instead")
            case yaml.CollectionStartEvent():
                depth += 1
                if depth > MAX_DEPTH:
                    raise _at(event, f"more than {MAX_DEPTH} levels of nesting")
            case yaml.CollectionEndEvent():
                depth -= 1
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    return node


def _check(node: yaml.Node, at: str) -> None:
    match node:
        case yaml.MappingNode():
            seen = set()
            for key, value in node.value:
                if key.tag != "tag:yaml.org,2002:str":
                    raise _at(key, "a key that is no string; put it in quotes")
                if key.value in seen:
                    raise _at(key, f"the key {key.value!r} a second time")
                seen.add(key.value)
                _check(value, f"{at}.{key.value}")
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                _check(item, f"{at}[{index}]")
        case yaml.ScalarNode(tag="tag:yaml.org,2002:int" | "tag:yaml.org,2002:float"):
            if not _NUMBER.fullmatch(node.value):
                raise InvalidInputError(
                    _printable(at.lstrip(".")),
                    f"expected a plain decimal number, such as 100, not {_printable(node.value)}",
                )


def _at(thing: Any, what: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=thing.start_mark)


def _yaml_reason(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem}, line {mark.line + 1}, column {mark.column + 1}"
    return str(error)
