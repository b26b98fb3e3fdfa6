"""Denials as this process has answered them, until the store is told."""

from collections import Counter
from typing import Final

from governor.ledger.chronicle_store import DenialCount
from governor.model import Denied, Granted

NAMED: Final = 1000
"""Pairs of scope and function that are kept apart; beyond, a scope's other functions are one."""


class Denials:
    """Counts denials by scope and function."""

    def __init__(self) -> None:
        """Begin with none."""
        self._denied: Counter[tuple[str, str | None]] = Counter()
        self._shadow_denied: Counter[tuple[str, str | None]] = Counter()

    def answered(self, function: str, answer: Granted | Denied) -> None:
        """Count what a check-in came to, if a scope denied it or would have."""
        match answer:
            case Denied(denied_by):
                self._denied[self._pair(denied_by, function)] += 1
            case Granted(replayed=False, shadow_denied_by=str(denied_by)):
                self._shadow_denied[self._pair(denied_by, function)] += 1

    def take(self) -> list[DenialCount]:
        """Return what was counted, and begin anew."""
        denied, shadow_denied = self._denied, self._shadow_denied
        self._denied, self._shadow_denied = Counter(), Counter()
        return [
            DenialCount(scope, function, denied[scope, function], shadow_denied[scope, function])
            for scope, function in denied.keys() | shadow_denied.keys()
        ]

    def put_back(self, taken: list[DenialCount]) -> None:
        """Count again what could not be told."""
        for each in taken:
            pair = each.scope, each.function
            self._denied[pair] += each.denied
            self._shadow_denied[pair] += each.shadow_denied

    def _pair(self, scope: str, function: str) -> tuple[str, str | None]:
        pair = scope, function
        known = pair in self._denied or pair in self._shadow_denied
        return (
            pair if known or len(self._denied) + len(self._shadow_denied) < NAMED else (scope, None)
        )
