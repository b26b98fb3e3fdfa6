"""Which scopes matter now, and what is going on in them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_ROWS: Final = 200
"""More than anyone reads; drawing thousands would take longer than they stay true."""

_TOTALS: Final = ("granted", "denied", "shadow_denied", "overruns")


@dataclass(frozen=True, slots=True)
class Row:
    """A scope; rates are per second, since the status before."""

    scope: str
    in_use: int
    max_concurrency: int | None
    headroom: int
    peak: int
    shadow: bool
    granted: float
    denied: float
    shadow_denied: float
    overruns: float

    @property
    def pressure(self) -> float:
        """The part of the limit that is in use, 0 without one."""
        if self.max_concurrency is None:
            return 0.0
        return self.in_use / max(1, self.max_concurrency)


@dataclass(frozen=True, slots=True)
class View:
    """The rows to show, and how many scopes there are that match."""

    rows: tuple[Row, ...]
    matching: int


def view(
    scopes: Iterable[Mapping[str, Any]],
    before: Mapping[str, Mapping[str, Any]],
    elapsed_s: float,
    wanted: str = "",
) -> View:
    """Return the scopes that `wanted` occurs in, those under most pressure first.

    `scopes` are `GET /v1/status`'s, `before` the same by name, `elapsed_s` earlier.
    """
    rows = [
        _row(each, before.get(each["scope"], each), elapsed_s)
        for each in scopes
        if wanted.lower() in each["scope"].lower()
    ]
    rows.sort(key=lambda row: (-row.pressure, -row.denied, -row.in_use, -row.peak, row.scope))
    return View(tuple(rows[:MOST_ROWS]), len(rows))


def _row(scope: Mapping[str, Any], before: Mapping[str, Any], elapsed_s: float) -> Row:
    granted, denied, shadow_denied, overruns = (
        max(0, scope[total] - before[total]) / elapsed_s if elapsed_s > 0 else 0.0
        for total in _TOTALS
    )
    return Row(
        scope=scope["scope"],
        in_use=scope["in_use"],
        max_concurrency=scope["max_concurrency"],
        headroom=scope["headroom"],
        peak=scope["peak"],
        shadow=scope["mode"] == "shadow",
        granted=granted,
        denied=denied,
        shadow_denied=shadow_denied,
        overruns=overruns,
    )
