"""The policy: what the user wants. Parse and check it, resolve functions to claims, compare two.

Pure: no I/O. A `Policy` is a value; a change makes a new one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from governor.errors import InvalidInputError
from governor.model import (
    ACCOUNT,
    Claim,
    Hold,
    Limits,
    Mode,
    Priority,
    function_scope,
    group_scope,
)
from governor.validation import FunctionName, GroupName, convert, json_value, yaml_value

MAX_CONCURRENCY: Final = 1_000_000
"""Highest limit that the policy takes; AWS raises an account's to tens of thousands."""

REMEMBERED_CLAIMS: Final = 16_384
"""Resolved functions that a resolver keeps; made-up names can't fill the memory."""

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
    Meta(ge=1, le=10_000, description="What one invocation of the function counts in the group."),
]
Glob = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.*?\[\]!-]{1,140}$(?!\n)",
        description="A function's name, or a pattern with *, ? and [seq].",
        examples=["etl-*"],
    ),
]
Tag = Annotated[str, Meta(min_length=1, max_length=256)]


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the policy document."""


class Account(_Entry, frozen=True, omit_defaults=False):
    """Limits of the pool that functions share."""

    max_concurrency: Concurrency | None = None
    headroom: Headroom = 0
    mode: Mode = Mode.ENFORCE

    @property
    def limits(self) -> Limits:
        """The account's limits."""
        return Limits(self.max_concurrency, self.headroom, self.mode)


class Members(_Entry, frozen=True):
    """Which functions belong to a group, beside those that name it themselves."""

    functions: tuple[Glob, ...] = ()
    tags: dict[Tag, Annotated[str, Meta(max_length=256)]] = field(default_factory=dict)
    stack: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,127}$(?!\n)")] | None = None


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


class Policy(_Entry, frozen=True, dict=True):  # a __dict__, for the cached properties
    """The document with every limit."""

    account: Account = field(default_factory=Account)
    defaults: Defaults = field(default_factory=Defaults)
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
    return _build(json_value(text))


def parse_yaml(text: str | bytes) -> Policy:
    """Read a policy from YAML. Raises `InvalidInputError`."""
    return _build(yaml_value(text))


def stored(document: bytes) -> Policy:
    """Read a policy that was checked before it was stored.

    Its version is the stored document's, however another release writes the same policy.
    """
    policy = msgspec.json.decode(document, type=Policy)
    vars(policy)["document"] = document
    return policy


E = TypeVar("E", bound=_Entry)


def _build(raw: object) -> Policy:
    """Convert entry by entry, so that a complaint names the entry, then check the whole."""
    if not isinstance(raw, dict):
        kind = "empty" if raw is None else "no mapping"
        raise InvalidInputError(
            "", f"the policy is {kind}; expected account, defaults, groups, functions"
        )
    sections: dict[str, Any] = dict(raw)
    groups = _entries(sections.pop("groups", {}), "groups", GroupName, Group)
    functions = _entries(sections.pop("functions", {}), "functions", FunctionName, Function)
    rest = convert(sections, Policy)
    return checked(
        Policy(account=rest.account, defaults=rest.defaults, groups=groups, functions=functions)
    )


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


class Resolver:
    """Resolves functions to claims under one policy.

    `claim(name)` is what an invocation of the function `name` holds (rules 1 and 11).
    """

    def __init__(self, policy: Policy) -> None:
        """Prepare the groups' members for look-up."""
        self.policy = policy
        self.claim = lru_cache(REMEMBERED_CLAIMS)(self._resolve)
        self._members: dict[str, list[str]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for name, group in policy.groups.items():
            for glob in group.members.functions if group.members else ():
                if re.search(r"[*?\[]", glob):
                    self._patterns.append((re.compile(translate(glob)), name))
                else:
                    self._members.setdefault(glob, []).append(name)

    def _resolve(self, name: str) -> Claim:
        function = self.policy.functions.get(name)
        listed = function is not None
        function = function or Function()
        holds = [Hold(function_scope(name), 1, function.limits, listed)]
        weights = self._weights(name, function)
        for group in sorted(weights):
            limits = self.policy.groups[group].limits
            holds.append(Hold(group_scope(group), weights[group], limits))
        if function.shared:
            holds.append(Hold(ACCOUNT, 1, self.policy.account.limits))
        priority = function.priority or self.policy.defaults.priority
        return Claim(name, priority, tuple(holds), function.max_attempts)

    def _weights(self, name: str, function: Function) -> dict[str, int]:
        """Weights by group; what a function says of itself goes before what a group says."""
        matched = [group for pattern, group in self._patterns if pattern.match(name)]
        return dict.fromkeys([*matched, *self._members.get(name, ())], 1) | dict(function.weights)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two policies; `before` or `after` is None where there was nothing."""

    path: str
    before: object
    after: object


def diff(before: Policy, after: Policy) -> list[Change]:
    """Return what changes from one policy to another, by path; a new entry is one change."""
    return sorted(
        _differences("", _sections(before), _sections(after)), key=lambda change: change.path
    )


def _sections(policy: Policy) -> dict[str, object]:
    sections: dict[str, object] = msgspec.to_builtins(policy)
    return {"groups": {}, "functions": {}} | sections


def _differences(path: str, before: object, after: object) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            below = f"{path}.{name}" if path else name
            yield from _differences(below, before.get(name), after.get(name))
    else:
        yield Change(path, before, after)
