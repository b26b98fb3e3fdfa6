"""From looks at the pool (`GET /v1/stream`) to a record's lines: what changed since. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from governor.replay.form import GAP_MS, Count, Line

_NOTHING: Final = (0, 0, 0, 0)

Seen = tuple[int, int, int, int]
"""in_use, and the totals of granted, denied and shadow_denied."""


class Looks:
    """Turns each look into the line that tells it from the one before."""

    def __init__(self) -> None:
        """Start without a look: the first line is a gap."""
        self._seen: dict[str, Seen] | None = None
        self._at_ms = 0

    def line(self, status: Mapping[str, Any], at_ms: int) -> Line:
        """Return the line of `status`, which was seen at `at_ms`."""
        seen: dict[str, Seen] = {
            row["scope"]: (row["in_use"], row["granted"], row["denied"], row["shadow_denied"])
            for row in status["scopes"]
        }
        before, since_ms = self._seen, at_ms - self._at_ms
        self._seen, self._at_ms = seen, at_ms
        if before is None or not 0 < since_ms <= GAP_MS:
            return Line(at_ms, self._standing(), gap=True)
        # In a run of equal looks, most of 10,000 scopes need no more than this comparison.
        changed = {
            scope: _change(before.get(scope, _NOTHING), now)
            for scope, now in seen.items()
            if before.get(scope, _NOTHING) != now
        }
        gone = {scope: Count(0) for scope, was in before.items() if scope not in seen and was[0]}
        return Line(at_ms, changed | gone)

    def whole(self, line: Line) -> Line:
        """Return `line`, the last one, with every scope that holds something: a file's first."""
        return Line(line.at_ms, self._standing() | line.scopes, line.gap)

    def _standing(self) -> dict[str, Count]:
        return {scope: Count(seen[0]) for scope, seen in (self._seen or {}).items() if seen[0]}


def _change(before: Seen, now: Seen) -> Count:
    """What came between two looks. A total that went down began anew: all of it came since."""
    return Count(
        now[0],
        *(new - old if new >= old else new for old, new in zip(before[1:], now[1:], strict=True)),
    )
