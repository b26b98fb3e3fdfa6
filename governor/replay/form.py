"""The form of a record's files: JSON Lines, a header and then a line a second. Pure."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, field

from governor.errors import InvalidInputError
from governor.facts import Facts
from governor.policy import Policy, parse_json
from governor.replay.trace import Chapter

VERSION: Final = 1

GAP_MS: Final = 5000
"""Looks further apart leave a gap: when in it things happened is not known."""


Number = Annotated[int, Meta(ge=0, le=10_000_000)]
"""Invocations of a second, or at a time: more than one pool sees."""

Time = Annotated[int, Meta(ge=0, lt=253_402_300_800_000, description="In ms, until year 9999.")]


class Header(Struct, frozen=True):
    """The first line: what holds for all the others of the file."""

    governor_record: Annotated[int, Meta(description="Version of the form.")]
    policy: msgspec.Raw
    facts: Facts = field(default_factory=Facts)
    queue_fed: list[str] = field(default_factory=list)


class Count(Struct, frozen=True, array_like=True):
    """A scope at the end of a line's time, and what came since the line before."""

    in_use: Number
    granted: Number = 0
    denied: Number = 0
    shadow_denied: Number = 0


class Line(Struct, frozen=True, omit_defaults=True):
    """One look at the pool: scopes that are not in it are as before, and nothing came to them.

    With `gap`, the line before is too old, or there is none: scopes that are not in it hold
    nothing, and what came is not known. The first line of a file says how all scopes stand.
    """

    at_ms: Time
    scopes: dict[str, Count] = field(default_factory=dict)
    gap: bool = False


class _Version(Struct, frozen=True):
    governor_record: int


encode = msgspec.json.Encoder().encode
_decode_header = msgspec.json.Decoder(Header).decode
_decode_version = msgspec.json.Decoder(_Version).decode
_decode_line = msgspec.json.Decoder(Line).decode

_DAMAGE: Final = msgspec.DecodeError, UnicodeDecodeError, RecursionError


def header(policy: Policy, facts: Facts, queue_fed: frozenset[str]) -> bytes:
    """Return the first line of a file that is recorded under `policy` and `facts`."""
    return encode(Header(VERSION, msgspec.Raw(policy.document), facts, sorted(queue_fed)))


def read_header(line: bytes, name: str) -> Chapter:
    """Read the first line of the file `name`. Raises `InvalidInputError`."""
    try:
        version = _decode_version(line).governor_record
    except _DAMAGE as error:
        raise InvalidInputError(
            name,
            "is no record; expected a directory or file that `governor record` wrote, "
            "or CloudWatch's metrics as CSV",
        ) from error
    if version != VERSION:
        raise InvalidInputError(
            name,
            f"is a record of version {version}, this release reads version {VERSION}; "
            "replay it with the release that wrote it",
        )
    try:
        found = _decode_header(line)
        for function in found.facts.tags:  # now, not when a claim is made of them
            found.facts.tags_of(function)
    except _DAMAGE as error:
        raise InvalidInputError(name, f"its first line is damaged: {error}") from error
    try:
        policy = parse_json(bytes(found.policy))
    except InvalidInputError as error:
        raise InvalidInputError(name, f"the policy in its first line: {error}") from error
    return Chapter(policy, found.facts, frozenset(found.queue_fed))


def read_line(line: bytes, name: str, number: int) -> Line:
    """Read line `number` of the file `name`. Raises `InvalidInputError`."""
    try:
        return _decode_line(line)
    except _DAMAGE as error:
        raise InvalidInputError(name, f"line {number} is damaged: {error}") from error
