"""Recorded arrivals: a CSV that is read as the simulation goes, however large, whatever its flaws.

A row is a timestamp (seconds or milliseconds since 1970, or ISO 8601; more columns are ignored), or
a minute and the number of arrivals in it, which are then spread evenly. The first row tells which,
and is where the recording begins; a heading is skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUTE_S: Final = 60.0
_MOST: Final = 100_000_000
"""The highest count of a minute that is believed."""

_MILLISECONDS: Final = 1e11
"""Times from here on, in the year 5138, are milliseconds."""


@dataclass(slots=True)
class Flaws:
    """What was wrong with a recording, in rows (`missing` in minutes, which count as empty)."""

    rows: int = 0
    unreadable: int = 0
    unsorted: int = 0
    """Taken at the time of the newest row before."""
    duplicates: int = 0
    """The same time as in the row before: kept, as two may arrive at once, but for minutes."""
    missing: int = 0

    def __str__(self) -> str:
        kinds = ("unreadable", "unsorted", "duplicates", "missing")
        found = [f"{getattr(self, kind):,} {kind}" for kind in kinds if getattr(self, kind)]
        return f"{self.rows:,} rows" + (f", of which {', '.join(found)}" if found else "")


class Recording:
    """A file's arrivals, in seconds from its first row on."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self.flaws = Flaws()
        self._rows = self._read(path)
        self._ahead: tuple[float, int] | None = next(self._rows, None)

    def until(self, end_s: float) -> "NDArray[np.float64]":
        """Return what arrives before `end_s` and was not returned yet, in order."""
        found: list[NDArray[np.float64]] = []
        singles: list[float] = []
        while self._ahead is not None and self._ahead[0] < end_s:
            at_s, count = self._ahead
            if count == 1:
                singles.append(at_s)
            else:
                found.append(np.linspace(at_s, at_s + MINUTE_S, count, endpoint=False))
            self._ahead = next(self._rows, None)
        return np.sort(np.concatenate([*found, np.array(singles)]))

    def _read(self, path: Path) -> Iterator[tuple[float, int]]:
        """Yield times (s) with counts, in order; a minute's arrivals may reach beyond a window."""
        with path.open(encoding="utf-8", errors="replace") as lines:
            rows = (
                [cell.strip(" \"'") for cell in line.split(",")]
                for raw in lines
                if (line := raw.strip())
            )
            first = next(rows, None)
            if first is not None and _time(first[0]) is None:
                first = next(rows, None)  # a heading
            if first is None:
                return
            counts = len(first) > 1 and _count(first[1]) is not None
            yield from self._ordered(chain([first], rows), counts=counts)

    def _ordered(self, rows: Iterator[list[str]], *, counts: bool) -> Iterator[tuple[float, int]]:
        flaws = self.flaws
        begin_s = newest_s = None
        for row in rows:
            flaws.rows += 1
            time_s = _time(row[0])
            count = (_count(row[1]) if len(row) > 1 else None) if counts else 1
            if time_s is None or count is None:
                flaws.unreadable += 1
                continue
            if begin_s is None or newest_s is None:
                begin_s = newest_s = time_s
            elif time_s == newest_s:
                flaws.duplicates += 1
                if counts:
                    continue
            elif time_s < newest_s:
                flaws.unsorted += 1
            elif counts and time_s - newest_s > MINUTE_S:
                flaws.missing += round((time_s - newest_s) / MINUTE_S) - 1
            newest_s = max(newest_s, time_s)
            if count:
                yield newest_s - begin_s, count


def _time(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        try:
            stamp = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        value = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    if abs(value) >= _MILLISECONDS:
        value /= 1000
    return value if abs(value) < _MILLISECONDS else None  # and neither NaN nor infinite


def _count(text: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if 0 <= value <= _MOST and value == int(value) else None
