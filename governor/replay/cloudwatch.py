"""CloudWatch's metrics of Lambda functions, exported as CSV, as the traffic of each function.

Streamed: rows may come in any order and in any number, and what is wrong with them is counted.
"""

import csv
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby, pairwise
from math import ceil
from pathlib import Path
from random import Random
from typing import BinaryIO, Final

from governor.errors import InvalidInputError
from governor.replay.columns import BadRowError, reader
from governor.replay.course import SEED
from governor.replay.sorting import Sorted
from governor.replay.trace import Chapter, Flaws, Step, Traffic

PARTS: Final = 60
"""A period is played in so many steps: seconds, for CloudWatch's minutes."""

LONGEST_PERIOD_S: Final = 3600
LONGEST_INVOCATION_MS: Final = 900_000.0
"""Lambda's longest timeout."""

_LONGEST_LINE: Final = 2**20
_TIME: Final = 11
"""Digits of a time in seconds."""


class CloudWatch:
    """Metrics in a file; read and sorted once, however often they are played."""

    def __init__(self, path: Path) -> None:
        """Read the file at `path`, once its first step is asked for."""
        self.flaws = Flaws()
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._read_bytes = self._count = self._played = 0
        self._sorted: Sorted | None = None
        self._period_s = 0

    @property
    def read(self) -> float:
        """How much of it was read (the first half), and played (the second), 0 to 1."""
        return self._read_bytes / self._size / 2 + self._played / max(1, self._count) / 2

    def steps(self) -> Iterator[Step]:
        """Yield the steps from the first. Raises `InvalidInputError`."""
        if self._sorted is None:
            self._sorted = self._sort()
            self._period_s = self._check(self._sorted)
        self._played = 0
        chapter, random = Chapter(), Random(SEED)  # noqa: S311 - to repeat, not to guess
        lasted_ms: dict[str, float] = {}
        for at_s, entries in groupby(self._sorted, key=_time):
            parts: list[dict[str, Traffic]] = [{} for _ in range(PARTS)]
            for function, metrics in _by_function(entries):
                self._played += 1
                spread = _spread(function, metrics, self._period_s, lasted_ms, random)
                for part, traffic in spread.items():
                    parts[part][function] = traffic
            start_ms, part_ms = int(at_s) * 1000, self._period_s * 1000 // PARTS
            for part, traffics in enumerate(parts):
                begins_ms = start_ms + part * part_ms
                yield Step(begins_ms, begins_ms + part_ms, chapter, traffics)

    def _sort(self) -> Sorted:
        try:
            return Sorted(self._entries())
        except OSError as error:
            where, reason = tempfile.gettempdir(), error.strerror
            raise InvalidInputError(
                self._path.name,
                f"can't be read and sorted in {where} ({reason}); it takes as much room there as "
                "the file, or set TMPDIR to another directory",
            ) from error

    def _entries(self) -> Iterator[str]:
        """Yield what the rows say as lines that sort by time and function."""
        with self._path.open("rb") as file:
            rows = csv.reader(self._lines(file))
            try:
                heading = next(rows, [])
            except csv.Error as error:
                raise InvalidInputError(self._path.name, f"is no CSV: {error}") from error
            read = reader(heading, self._path.name)
            for number, row in enumerate(self._readable(rows), 2):
                if not row:
                    continue
                try:
                    if len(row) != len(heading):
                        raise BadRowError("rows with too few or too many columns")  # noqa: TRY301
                    for at_s, function, values in read(row):
                        self._count += 1
                        yield "\t".join((f"{at_s:0{_TIME}}", function, *values)) + "\n"
                except BadRowError as error:
                    self.flaws.note(f"{error}, skipped", f"line {number}")
        if not self._count:
            raise InvalidInputError(
                self._path.name, f"no row could be read: {'; '.join(self.flaws) or 'there is none'}"
            )

    def _readable(self, rows: Iterator[list[str]]) -> Iterator[list[str]]:
        while True:
            try:
                yield next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                self.flaws.note(f"rows that are no CSV ({error}), skipped", self._path.name)

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        while line := file.readline(_LONGEST_LINE):
            self._read_bytes += len(line)
            yield line.decode("utf-8-sig", errors="replace").replace("\0", "\ufffd")

    def _check(self, entries: Iterable[str]) -> int:
        """Return the period, the least time between two rows; count flaws that order shows."""
        apart: Counter[int] = Counter()
        for before, now in pairwise(entries):
            if before[:_TIME] != now[:_TIME]:
                apart[int(now[:_TIME]) - int(before[:_TIME])] += 1
            elif before == now:
                self.flaws.note("rows that say the same again", _shown(now))
            elif _contradict(before, now):
                what = "rows that contradict another one; the highest value counts"
                self.flaws.note(what, _shown(now))
        period_s = min(min(apart, default=60), LONGEST_PERIOD_S)
        if missing := sum((each // period_s - 1) * times for each, times in apart.items()):
            self.flaws["periods without a row of any function: nothing ran in them"] += missing
        return period_s


def _shown(entry: str) -> str:
    at_s, function, *_ = entry.split("\t")
    return f"{function}, {datetime.fromtimestamp(int(at_s), UTC):%Y-%m-%dT%H:%M}Z"


def _contradict(before: str, now: str) -> bool:
    """Whether two entries of one time give a function two values of one metric."""
    pairs = zip(before.rstrip("\n").split("\t"), now.rstrip("\n").split("\t"), strict=True)
    _, (function, other), *values = pairs
    return function == other and any(one and two for one, two in values)


def _time(entry: str) -> str:
    return entry[:_TIME]


def _by_function(entries: Iterable[str]) -> Iterator[tuple[str, list[float | None]]]:
    """Yield each function's metrics of one period; the highest, where there are several."""
    whose, metrics = "", list[float | None]()
    for entry in entries:
        _, function, *texts = entry.rstrip("\n").split("\t")
        values = [float(text) if text else None for text in texts]
        if function == whose:
            metrics = [_higher(*both) for both in zip(metrics, values, strict=True)]
        else:
            if whose:
                yield whose, metrics
            whose, metrics = function, values
    yield whose, metrics


def _higher(one: float | None, two: float | None) -> float | None:
    return max((each for each in (one, two) if each is not None), default=None)


def _spread(
    function: str,
    metrics: list[float | None],
    period_s: int,
    lasted_ms: dict[str, float],
    random: Random,
) -> dict[int, Traffic]:
    """Spread a period's invocations over its parts.

    Spread over the whole period they would be `invocations * duration / period` at once. When
    ConcurrentExecutions was higher they came in a burst, short enough to be that many.
    """
    invocations, mean_ms, highest, throttles = metrics
    ran, denied = round(invocations or 0), round(throttles or 0)
    duration_ms = lasted_ms.get(function) if mean_ms is None else mean_ms
    if duration_ms is None:  # Little's law, with the highest for the mean: no shorter than that
        duration_ms = (highest or 0) * period_s * 1000 / ran if ran else 0.0
    duration_ms = lasted_ms[function] = min(duration_ms, LONGEST_INVOCATION_MS)
    within = min(1.0, ran * duration_ms / (highest * period_s * 1000)) if highest else 1.0
    length = max(1, ceil(within * PARTS))
    first = int(random.random() * (PARTS - length + 1))
    counts: dict[int, list[int]] = {}
    for index in range(ran + denied):
        both = counts.setdefault(first + int(random.random() * length), [0, 0])
        both[index >= ran] += 1
    return {
        part: Traffic(granted, throttled, duration_ms=duration_ms)
        for part, (granted, throttled) in counts.items()
    }
