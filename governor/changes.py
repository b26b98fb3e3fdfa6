"""What a new policy changes. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from governor.policy import Policy


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two policies; `before` or `after` is None where there was nothing."""

    path: str
    before: Any
    after: Any


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
