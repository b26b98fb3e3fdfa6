"""The policy: what the user wants. Parse and check it.

Pure. A `Policy` is a value; a change makes a new one.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import PurePath
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from governor.errors import InvalidInputError
from governor.model import (
    ACCOUNT,
    Limits,
    Mode,
    Priority,
    function_scope,
    group_scope,
)
from governor.validation import FunctionName, GroupName, convert, json_value, spelled, yaml_value

MAX_CONCURRENCY: Final = 1_000_000
"""Highest limit that the policy takes; AWS raises an account's to tens of thousands."""

MAX_WEIGHT: Final = 10_000

Concurrency = Annotated[
    int, Meta(ge=0, le=MAX_CONCURRENCY, description="Concurrent invocations, by weight.")
]
Headroom = Annotated[
    int,
    Meta(
        ge=0,
        le=MAX_CONCURRENCY,
        description="The part of max_concurrency that only user-facing functions may take.",
    ),
]
Weight = Annotated[
    int,
    Meta(
        ge=1, le=MAX_WEIGHT, description="What one invocation of the function counts in the group."
    ),
]
Glob = Annotated[
    str,
    spelled(
        r"[A-Za-z0-9_.*?\[\]!-]{1,140}",
        "1 to 140 letters, digits and _.-, or a pattern with *, ? and [seq]",
        description="A function's name, or a pattern with *, ? and [seq].",
        examples=["etl-*"],
    ),
]
Tag = Annotated[str, Meta(min_length=1, max_length=256)]


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the policy document."""


class Raise(_Entry, frozen=True):
    """When to ask AWS for a higher limit of the account, and for how much."""

    when_above: Annotated[
        float, Meta(gt=0, le=1, description="Part of the limit that is in use for a long time.")
    ]
    up_to: Annotated[
        int, Meta(ge=1, le=MAX_CONCURRENCY, description="Highest limit that is ever asked for.")
    ]
    for_s: Annotated[int, Meta(ge=60, le=86_400, description="That long time.")] = 600
    by: Annotated[float, Meta(gt=1, le=10, description="Factor of the limit to ask for.")] = 1.5
    cooldown_s: Annotated[
        int, Meta(ge=3600, le=30 * 86_400, description="Shortest time between two requests.")
    ] = 86_400


class Account(_Entry, frozen=True, omit_defaults=False):
    """Limits of the pool that functions share."""

    max_concurrency: Concurrency | None = None
    headroom: Headroom = 0
    mode: Mode = Mode.ENFORCE
    raise_: Raise | None = field(default=None, name="raise")

    @property
    def limits(self) -> Limits:
        """The account's limits."""
        return Limits(self.max_concurrency, self.headroom, self.mode)


class Members(_Entry, frozen=True):
    """Which functions belong to a group, beside those that name it themselves.

    Those whose name matches one of `functions`, those that carry all of `tags`, and those of the
    CloudFormation `stack`. Of what is not said here nobody is a member.
    """

    functions: tuple[Glob, ...] = ()
    tags: dict[Tag, Annotated[str, Meta(max_length=256)]] = field(default_factory=dict)
    stack: (
        Annotated[
            str,
            spelled(
                "[A-Za-z][A-Za-z0-9-]{0,127}", "a letter, then up to 127 letters, digits and -"
            ),
        ]
        | None
    ) = None


class Group(_Entry, frozen=True):
    """Limits of a group and who belongs to it."""

    max_concurrency: Concurrency | None = None
    headroom: Headroom = 0
    mode: Mode = Mode.ENFORCE
    members: Members | None = None

    @property
    def limits(self) -> Limits:
        """The group's limits."""
        return Limits(self.max_concurrency, self.headroom, self.mode)


class Function(_Entry, frozen=True):
    """Limits of a function, its groups, and how to treat its invocations."""

    max_concurrency: Concurrency | None = None
    priority: (
        Annotated[Priority, Meta(description="Absent: the policy's default priority.")] | None
    ) = None
    groups: tuple[GroupName, ...] | dict[GroupName, Weight] = ()
    mode: Mode = Mode.ENFORCE
    max_attempts: (
        Annotated[
            int,
            Meta(ge=1, le=1000, description="An attempt of this number or higher is never denied."),
        ]
        | None
    ) = None
    shared: Annotated[bool, Meta(description="Whether it draws on the account's shared pool.")] = (
        True
    )

    share: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Its part of what background functions compete for, next to others' parts.",
        ),
    ] = 1
    allow_pause: Annotated[
        bool,
        Meta(description="Whether its queues may be paused where even 2 at once are too many."),
    ] = False
    max_batch_size: (
        Annotated[
            int,
            Meta(ge=1, le=10_000, description="How far its batches may grow while held back."),
        ]
        | None
    ) = None

    @property
    def limits(self) -> Limits:
        """The function's own limits."""
        return Limits(self.max_concurrency, 0, self.mode)

    @property
    def weights(self) -> Mapping[str, int]:
        """The groups that the function names, with its weight in each."""
        return self.groups if isinstance(self.groups, dict) else dict.fromkeys(self.groups, 1)


class Defaults(_Entry, frozen=True, omit_defaults=False):
    """What holds for a function that says nothing else, or that the policy does not name."""

    priority: Priority = Priority.USER_FACING


class Controller(_Entry, frozen=True, omit_defaults=False):
    """What the controller may do."""

    enabled: bool = True


class Trust(StrEnum):
    """Whether what functions say of themselves in tags counts: see `governor.wishes`."""

    IGNORED = "ignored"
    TRUSTED = "trusted"


class Policy(_Entry, frozen=True, dict=True):  # a __dict__, for the cached properties
    """The document with every limit."""

    account: Account = field(default_factory=Account)
    defaults: Defaults = field(default_factory=Defaults)
    controller: Controller = field(default_factory=Controller)
    tags: Annotated[
        Trust, Meta(description="Whether functions may set their own limits, as tags.")
    ] = Trust.IGNORED
    groups: dict[GroupName, Group] = field(default_factory=dict)
    functions: dict[FunctionName, Function] = field(default_factory=dict)

    @cached_property
    def document(self) -> bytes:
        """The policy as canonical JSON: equal policies give equal bytes."""
        return msgspec.json.encode(self, order="sorted")

    @cached_property
    def version(self) -> str:
        """A name for exactly this policy, made from its content."""
        return version_of(self.document)

    def priority_of(self, function: str) -> Priority:
        """Return the priority of a function, named here or not."""
        entry = self.functions.get(function)
        return (entry and entry.priority) or self.defaults.priority

    def scopes(self) -> Iterator[tuple[str, Limits]]:
        """Yield every scope that the policy names, with its limits: account, groups, functions."""
        yield ACCOUNT, self.account.limits
        for name, group in self.groups.items():
            yield group_scope(name), group.limits
        for name, function in self.functions.items():
            yield function_scope(name), function.limits


def version_of(document: bytes) -> str:
    """Return the name of what `document` says: 16 hexadecimal digits."""
    return sha256(document).hexdigest()[:16]


def parse_json(text: bytes) -> Policy:
    """Read a policy from JSON. Raises `InvalidInputError`."""
    return built(json_value(text))


def parse_yaml(text: str | bytes) -> Policy:
    """Read a policy from YAML. Raises `InvalidInputError`."""
    return built(yaml_value(text))


def parse_file(name: PurePath, text: bytes) -> Policy:
    """Read a policy from what the file `name` has: JSON if it ends in .json, else YAML.

    Raises `InvalidInputError`.
    """
    return parse_json(text) if name.suffix == ".json" else parse_yaml(text)


def stored(document: bytes) -> Policy:
    """Read a policy that was checked before it was stored.

    Its version is the stored document's, however another release writes the same policy.
    """
    policy = msgspec.json.decode(document, type=Policy)
    vars(policy)["document"] = document
    return policy


E = TypeVar("E", bound=_Entry)


def built(raw: object) -> Policy:
    """Return the policy that plain values say. Raises `InvalidInputError`.

    They are converted entry by entry, so that a complaint names the entry, then checked as a whole.
    """
    if not isinstance(raw, dict):
        kind = "empty" if raw is None else "no mapping"
        raise InvalidInputError(
            "", f"the policy is {kind}; expected account, defaults, groups, functions"
        )
    sections: dict[str, Any] = dict(raw)
    groups = _entries(sections.pop("groups", {}), "groups", GroupName, Group)
    functions = _entries(sections.pop("functions", {}), "functions", FunctionName, Function)
    rest = convert(sections, Policy)
    return checked(msgspec.structs.replace(rest, groups=groups, functions=functions))


def _entries(raw: object, at: str, names: type[str], to: type[E]) -> dict[str, E]:
    entries = convert(raw, dict[str, Any], at)
    return {
        convert(name, names, f"{at}.{name}"): convert(entry, to, f"{at}.{name}")
        for name, entry in entries.items()
    }


def checked(policy: Policy) -> Policy:
    """Return `policy` if its parts fit each other. Raises `InvalidInputError`."""
    _check_headroom(policy.account.limits, "account")
    for name, group in policy.groups.items():
        _check_headroom(group.limits, f"groups.{name}")
    for name, function in policy.functions.items():
        for group_name in function.weights:
            if group_name not in policy.groups:
                raise InvalidInputError(
                    f"functions.{name}.groups", f"there is no group {group_name!r}; add it first"
                )
    return policy


def _check_headroom(limits: Limits, at: str) -> None:
    if limits.max_concurrency is not None and limits.headroom > limits.max_concurrency:
        raise InvalidInputError(
            f"{at}.headroom",
            f"{limits.headroom} is more than max_concurrency {limits.max_concurrency}",
        )
