"""Recorded files: arrivals, read as the simulation goes, and durations. Flaws are counted.

A row of arrivals is a timestamp (seconds or milliseconds since 1970, or ISO 8601; more columns are
ignored), or a minute and the number of arrivals in it, which are then spread evenly. It is the
latter where most of the first rows are whole minutes apart and have a whole number next. The first
row is where the recording begins; a heading is skipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from governor.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUTE_S: Final = 60.0
_MOST: Final = 6_000_000
"""The highest count of a minute that is believed: 100,000 a second, as for rates."""

_MILLISECONDS: Final = 1e11
"""Times from here on, in the year 5138, are milliseconds."""

_JUDGED: Final = 100
"""So many rows tell what a file is."""

_LONGEST_ROW: Final = 2**16

_LONGEST_MS: Final = 15 * 60_000
"""Lambda's longest timeout."""

_DURATIONS: Final = 1_000_000
"""Durations that are kept, at most: the first ones."""


@dataclass(slots=True)
class Flaws:
    """What was wrong with a file, in rows (`missing` in minutes, which count as empty)."""

    rows: int = 0
    unreadable: int = 0
    unsorted: int = 0
    """Taken at the time of the newest row before."""
    duplicates: int = 0
    """The same time as in the row before: kept, as two may arrive at once, but for minutes."""
    missing: int = 0
    of: str = "rows"
    """What the rows were taken for."""

    def __str__(self) -> str:
        kinds = ("unreadable", "unsorted", "duplicates", "missing")
        found = [f"{getattr(self, kind):,} {kind}" for kind in kinds if getattr(self, kind)]
        return f"{self.rows:,} {self.of}" + (f", of which {', '.join(found)}" if found else "")


class Recording:
    """A file's arrivals, in seconds from its first row on."""

    def __init__(self, path: Path) -> None:
        """Read as far as the first arrival. Raises `InvalidInputError` if no row can be read."""
        self.flaws = Flaws()
        self._path = path
        self._rows = self._read()
        self._ahead: tuple[float, int] | None = next(self._rows, None)
        self._asked_s: float | None = None
        self._found = np.zeros(0)

    def until(self, end_s: float) -> "NDArray[np.float64]":
        """Return what arrives before `end_s` and not before the time asked for last, in order.

        Functions that share a recording ask for the same time and get the same.
        """
        if end_s != self._asked_s:
            self._asked_s, self._found = end_s, self._until(end_s)
        return self._found

    def _until(self, end_s: float) -> "NDArray[np.float64]":
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

    def _read(self) -> Iterator[tuple[float, int]]:
        """Yield times (s) with counts, in order; a minute's arrivals may reach beyond a window."""
        rows = _rows(self._path)
        first = next(rows, None)
        if first is not None and _time(first[0]) is not None:
            rows = chain([first], rows)  # no heading
        begin = list(islice(rows, _JUDGED))
        counts = _are_counts(begin)
        if counts:
            self.flaws.of = "minutes"
        yield from self._ordered(chain(begin, rows), counts=counts)

    def _ordered(self, rows: Iterator[list[str]], *, counts: bool) -> Iterator[tuple[float, int]]:
        flaws = self.flaws
        begin_s = newest_s = None
        for row in rows:
            flaws.rows += 1
            time_s = _time(row[0])
            count = _count(row) if counts else 1
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
        if begin_s is None:
            raise InvalidInputError(
                f"{self._path}",
                "has no row that can be read; expected times, in seconds since 1970 or ISO 8601, "
                "first in their rows, or minutes with counts, with commas between",
            )


@lru_cache(16)  # each function draws from its file anew, in each run
def durations(path: Path) -> "tuple[NDArray[np.float64], Flaws]":
    """Return the durations (s) in a file of milliseconds, one a row, and what is wrong with it.

    Raises `InvalidInputError` if no row can be read.
    """
    found: list[float] = []
    flaws = Flaws()
    for number, (text, *_) in enumerate(_rows(path)):
        ms = _number(text)
        if ms is None and not number:
            continue  # a heading
        flaws.rows += 1
        if ms is not None and 0 < ms <= _LONGEST_MS:
            found.append(ms / 1000)
        else:
            flaws.unreadable += 1
        if len(found) == _DURATIONS:
            break
    if not found:
        raise InvalidInputError(
            f"{path}", "has no row that can be read; expected milliseconds, up to 900,000, in each"
        )
    return np.array(found), flaws


def _rows(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each row that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            for raw in iter(partial(lines.readline, _LONGEST_ROW), ""):
                if line := raw.strip():
                    yield [cell.strip(" \"'") for cell in line.split(",")]
    except OSError as error:
        raise InvalidInputError(f"{path}", f"can't be read: {error.strerror}") from error


def _are_counts(rows: Sequence[list[str]]) -> bool:
    """Whether the first rows of a file are minutes with counts, rather than times."""
    times = [time_s for row in rows if (time_s := _time(row[0])) is not None]
    counted = sum(_count(row) is not None for row in rows)
    apart = [abs(after - before) for before, after in pairwise(times)]
    minutes = sum(each > 0 and each % MINUTE_S == 0 for each in apart)
    is_minutes = 2 * minutes > len(apart) if apart else times[:1] and times[0] % MINUTE_S == 0
    return bool(is_minutes) and 2 * counted > len(rows)


def _time(text: str) -> float | None:
    value = _number(text)
    if value is None:
        try:
            stamp = datetime.fromisoformat(text.strip().replace("/", "-"))
        except ValueError:
            return None
        value = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    if abs(value) >= _MILLISECONDS:
        value /= 1000
    return value if abs(value) < _MILLISECONDS else None  # and neither NaN nor infinite


def _count(row: Sequence[str]) -> int | None:
    value = _number(row[1]) if len(row) > 1 else None
    return int(value) if value is not None and 0 <= value <= _MOST and value % 1 == 0 else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
