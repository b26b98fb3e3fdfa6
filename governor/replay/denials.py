"""Whose check-ins a group or the account denied: a record knows only how many. Pure.

The ledger counts a denial in the scope that had no room. Of a function's own scope it is clear whom
it met. Else it met functions that hold in the scope and could be denied as full as it was (with
headroom left that is background functions alone), in proportion to what they asked for of late.
"""

from collections import Counter, deque
from collections.abc import Sequence
from math import inf
from typing import Final

from governor.model import Claim
from governor.replay.form import Count, Line
from governor.replay.trace import Chapter, Flaws, Traffic
from governor.resolver import Resolver

OF_LATE: Final = 60
"""Lines over which it is counted how much a function asks for."""

_FUNCTION: Final = "function:"


class Denials:
    """Tells the traffic of functions from lines."""

    def __init__(self, flaws: Flaws) -> None:
        """Note in `flaws` denials that fit nobody."""
        self._flaws = flaws
        self._chapter: Chapter | None = None
        self._resolver = Resolver(Chapter().policy)
        self._in_use: dict[str, int] = {}
        self._asked: Counter[str] = Counter()
        self._lines: deque[dict[str, int]] = deque()

    def traffic(self, line: Line, chapter: Chapter) -> dict[str, Traffic]:
        """Return what came to each function in `line`, and its in_use then."""
        if chapter is not self._chapter:
            self._chapter, self._resolver = chapter, Resolver(chapter.policy, chapter.facts)
        own = {
            scope.removeprefix(_FUNCTION): count
            for scope, count in line.scopes.items()
            if scope.startswith(_FUNCTION)
        }
        self._remember({name: each.granted + each.denied for name, each in own.items()})
        denied = Counter({name: each.denied for name, each in own.items() if each.denied})
        for scope, count in line.scopes.items():
            if count.denied and not scope.startswith(_FUNCTION):
                denied.update(self._met(scope, count))
        self._in_use |= {scope: count.in_use for scope, count in line.scopes.items()}
        return {
            name: Traffic(
                own[name].granted if name in own else 0,
                denied[name],
                self._in_use.get(f"{_FUNCTION}{name}", 0),
            )
            for name in (*own, *(each for each in denied if each not in own))
        }

    def _met(self, scope: str, count: Count) -> dict[str, int]:
        """Deal the denials of `scope` out."""
        room = {
            name: _room(claim, scope)
            for name in self._asked
            if scope in (claim := self._resolver.claim(name)).scopes
        }
        if not room:
            self._flaws[f"denials by {scope} that fit no function, left out"] += count.denied
            return {}
        # It was seen once a second: between two looks it was full for somebody.
        fill = max(count.in_use, self._in_use.get(scope, 0), min(room.values()) + 1)
        met = [(name, self._asked[name]) for name, least in room.items() if fill > least]
        return _dealt(count.denied, met)

    def _remember(self, asked: dict[str, int]) -> None:
        asked = {name: number for name, number in asked.items() if number}
        self._asked.update(asked)
        self._lines.append(asked)
        if len(self._lines) > OF_LATE:
            for name, number in self._lines.popleft().items():
                self._asked[name] -= number
                if not self._asked[name]:
                    del self._asked[name]


def _room(claim: Claim, scope: str) -> float:
    """How full `scope` may be for `claim` to be granted still."""
    hold = next(hold for hold in claim.holds if hold.scope == scope)
    limit = hold.limits.limit_for(claim.priority)
    return inf if limit is None else limit - hold.weight


def _dealt(number: int, shares: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Split `number` in proportion to `shares`, in whole parts that add up to it."""
    total = sum(share for _, share in shares)
    parts, so_far, given = {}, 0, 0
    for name, share in shares:
        so_far += share
        upto = number * so_far // total
        parts[name], given = upto - given, upto
    return {name: part for name, part in parts.items() if part}
