"""What functions want of the governor, said in tags of their own. Pure.

They are `governor:priority` (`user-facing` or `background`), `governor:max-concurrency` (a number)
and `governor:groups` (names, a weight after a colon: `orders-db:2 etl`). Who may tag a function is
not always who may set limits, so a policy has to say `tags: trusted` before any of them counts.

A policy that trusts tags is *completed* by them: where its entry of a function leaves priority,
max_concurrency or groups open, the function's wish stands there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from msgspec.structs import replace

from governor.facts import GROUPS, MAX_CONCURRENCY, PRIORITY, WISHES, Facts
from governor.model import Priority
from governor.policy import MAX_CONCURRENCY as MOST
from governor.policy import MAX_WEIGHT, Function, Policy, Trust

_FIELDS: Final = {PRIORITY: "priority", MAX_CONCURRENCY: "max_concurrency", GROUPS: "groups"}
_UNLISTED: Final = Function()


class Fate(StrEnum):
    """What becomes of a wish."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    """The policy does not trust tags."""
    OVERRULED = "overruled"
    """The policy says it of the function itself."""
    SENSELESS = "senseless"
    """It asks for what there is not: a word that is no priority, a group that does not exist."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish, and what becomes of it; of `governor:groups` each word is one."""

    function: str
    tag: str
    value: str
    fate: Fate
    reason: str = ""
    """Why it makes no sense, where it does not."""


@dataclass(frozen=True, slots=True)
class _Senseless:
    """Stands for what a wish means that has no meaning."""

    reason: str


def completed(policy: Policy, facts: Facts) -> Policy:
    """Return `policy` as the functions' wishes complete it; itself if there is nothing to add."""
    if policy.tags is not Trust.TRUSTED:
        return policy
    wanted: dict[str, Function] = {}
    for name, tags in facts.wishing():
        entry = policy.functions.get(name, _UNLISTED)
        if fields := _granted(entry, tags, policy):
            wanted[name] = replace(entry, **fields)
    return replace(policy, functions={**policy.functions, **wanted}) if wanted else policy


def _granted(entry: Function, tags: Mapping[str, str], policy: Policy) -> dict[str, Any]:
    """Return the fields that the wishes in `tags` put where `entry` is open."""
    fields: dict[str, Any] = {}
    for tag in WISHES:
        if tag in tags and _is_open(entry, tag):
            meant = [each for _, each in _read(tag, tags[tag], policy)]
            had = [each for each in meant if not isinstance(each, _Senseless)]
            if had:
                fields[_FIELDS[tag]] = dict(had) if tag == GROUPS else had[0]
    return fields


def fates(policy: Policy, facts: Facts) -> Iterator[Wish]:
    """Yield every wish, by the function's name, and what becomes of it under `policy`."""
    for name, tags in sorted(facts.wishing(), key=lambda each: each[0]):
        entry = policy.functions.get(name, _UNLISTED)
        for tag in WISHES:
            if tag in tags:
                yield from _fates_of(name, tag, tags[tag], entry, policy)


def _fates_of(name: str, tag: str, text: str, entry: Function, policy: Policy) -> Iterator[Wish]:
    if policy.tags is not Trust.TRUSTED:
        yield Wish(name, tag, text, Fate.IGNORED)
    elif not _is_open(entry, tag):
        yield Wish(name, tag, text, Fate.OVERRULED)
    else:
        for word, meant in _read(tag, text, policy):
            if isinstance(meant, _Senseless):
                yield Wish(name, tag, word, Fate.SENSELESS, meant.reason)
            else:
                yield Wish(name, tag, word, Fate.HONOURED)


def _is_open(entry: Function, tag: str) -> bool:
    """Whether the policy's `entry` says nothing of what `tag` is about."""
    return getattr(entry, _FIELDS[tag]) in (None, (), {})


def _read(tag: str, text: str, policy: Policy) -> Iterator[tuple[str, Any]]:
    """Yield the words of a wish with what each means: a field's value, or `_Senseless`."""
    if tag == GROUPS:
        yield from _groups(text, policy)
    elif tag == PRIORITY:
        yield text, _priority(text)
    else:
        yield text, _number(text, 0, MOST)


def _priority(text: str) -> Priority | _Senseless:
    try:
        return Priority(text)
    except ValueError:
        return _Senseless(f"expected {' or '.join(Priority)}")


def _number(text: str, least: int, most: int) -> int | _Senseless:
    # Digits only, and no more than it takes: int() also reads "1_0", and would read for long.
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)):
        number = int(text)
        if least <= number <= most:
            return number
    return _Senseless(f"expected a number from {least} to {most:,}")


def _groups(text: str, policy: Policy) -> Iterator[tuple[str, tuple[str, int] | _Senseless]]:
    named: set[str] = set()
    for word in text.split():
        name, colon, after = word.partition(":")
        weight = _number(after, 1, MAX_WEIGHT) if colon else 1
        if isinstance(weight, _Senseless):
            yield word, _Senseless(f"{weight.reason} after the colon: the weight")
        elif name not in policy.groups:
            yield word, _Senseless(f"the policy has no group {name!r}")
        elif name in named:
            yield word, _Senseless(f"the group {name!r} a second time")
        else:
            named.add(name)
            yield word, (name, weight)
