"""The columns of CloudWatch's metrics as CSV: which shape a file has, and what its rows say. Pure.

CloudWatch has no CSV of its own that is documented; these are the shapes that its console's
download and the usual tools make of it. Case, spaces and a statistic in brackets don't matter.

- wide: `timestamp`, `function`, and a column for each metric.
- long: `timestamp`, `function`, `metric`, `value`.
- series: `timestamp`, and for each series a column called `<function> <metric>`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from governor.errors import InvalidInputError

METRICS: Final = ("Invocations", "Duration", "ConcurrentExecutions", "Throttles")
"""Sum, average in ms, maximum, sum."""

_NAMES: Final = {
    "timestamp": "timestamp", "time": "timestamp", "date": "timestamp",
    "function": "function", "functionname": "function",
    "metric": "metric", "metricname": "metric", "label": "metric",
    "value": "value",
} | {metric.lower(): metric for metric in METRICS}  # fmt: skip

_FUNCTION: Final = re.compile(r"[A-Za-z0-9_.-]{1,140}")
_STATISTIC: Final = re.compile(r"\(.*\)")
_EPOCH: Final = re.compile(r"\d{9,13}(\.\d+)?")
_MS_DIGITS: Final = 12
_END_S: Final = 10**11
_MOST: Final = 1e8
"""The highest value of a metric that is believed: in ms, more than a day."""


class Entry(NamedTuple):
    """What a row says of one function at one time: a number or nothing for each of `METRICS`."""

    at_s: int
    function: str
    values: tuple[str, ...]


class BadRowError(Exception):
    """A row that says nothing; the message says what is wrong with it."""


Reader = Callable[[Sequence[str]], Iterator[Entry]]
"""Yields what a row says. Raises `BadRowError`."""


def reader(heading: Sequence[str], name: str) -> Reader:
    """Return how to read the rows under `heading`. Raises `InvalidInputError`."""
    names = [_plain(each) for each in heading]
    if names.count("timestamp") != 1:
        raise InvalidInputError(
            name,
            f"its first line has no column timestamp (it has {', '.join(heading[:8])!r}); expected "
            f"timestamp, function and {', '.join(METRICS)}",
        )
    at = names.index("timestamp")
    if "function" not in names:
        return _series(at, heading, name)
    for each, plain in zip(heading, names, strict=True):
        if plain not in _NAMES.values():
            raise InvalidInputError(
                name,
                f"there is no column {each!r}; the columns are timestamp, function and "
                f"{', '.join(METRICS)}, or metric and value",
            )
    if len(set(names)) < len(names):
        raise InvalidInputError(name, f"a column is there twice: {', '.join(heading)}")
    function = names.index("function")
    if "metric" in names and "value" in names:
        return _long(at, function, names.index("metric"), names.index("value"))
    columns = {each: index for index, each in enumerate(names) if each in METRICS}
    _check(name, set(columns))
    return _wide(at, function, columns)


def _wide(at: int, function: int, columns: Mapping[str, int]) -> Reader:
    places = [columns.get(metric) for metric in METRICS]

    def read(row: Sequence[str]) -> Iterator[Entry]:
        values = tuple("" if each is None else _number(row[each]) for each in places)
        yield Entry(_at_s(row[at]), _function(row[function]), values)

    return read


def _long(at: int, function: int, metric: int, value: int) -> Reader:
    def read(row: Sequence[str]) -> Iterator[Entry]:
        plain = _plain(row[metric])
        if plain not in METRICS:
            raise BadRowError("rows of another metric")
        number = _number(row[value])
        values = tuple(number if plain == each else "" for each in METRICS)
        yield Entry(_at_s(row[at]), _function(row[function]), values)

    return read


def _series(at: int, heading: Sequence[str], name: str) -> Reader:
    columns: dict[str, dict[str, int]] = {}
    for index, each in enumerate(heading):
        if index != at:
            words = _STATISTIC.sub("", each).split()
            metric = _plain(words[-1]) if len(words) == 2 else ""  # noqa: PLR2004 - name, metric
            if metric not in METRICS or not _FUNCTION.fullmatch(words[0]):
                raise InvalidInputError(
                    name,
                    f"there is no column function, and {each!r} is no '<function> <metric>', where "
                    f"the metric is one of {', '.join(METRICS)}",
                )
            columns.setdefault(words[0], {})[metric] = index
    _check(name, {metric for metrics in columns.values() for metric in metrics})
    functions = [
        (function, [metrics.get(metric) for metric in METRICS])
        for function, metrics in columns.items()
    ]

    def read(row: Sequence[str]) -> Iterator[Entry]:
        at_s = _at_s(row[at])
        for function, places in functions:
            values = tuple("" if each is None else _number(row[each]) for each in places)
            if any(values):
                yield Entry(at_s, function, values)

    return read


def _check(name: str, metrics: set[str]) -> None:
    if "Invocations" not in metrics or metrics.isdisjoint(("Duration", "ConcurrentExecutions")):
        raise InvalidInputError(
            name,
            "needs Invocations, and Duration or ConcurrentExecutions, to know how many came and "
            "how long they took",
        )


def _plain(heading: str) -> str:
    text = re.sub(r"[\s_-]", "", _STATISTIC.sub("", heading)).lower()
    return _NAMES.get(text, text)


@lru_cache(4096)
def _at_s(text: str) -> int:
    text = text.strip()
    try:
        if _EPOCH.fullmatch(text):
            number = float(text)
            return int(number / 1000 if len(text.partition(".")[0]) >= _MS_DIGITS else number)
        at = datetime.fromisoformat(text.replace("/", "-"))
        at_s = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise BadRowError("rows without a time that can be read") from None
    if not 0 <= at_s < _END_S:
        raise BadRowError("rows without a time that can be read")
    return at_s - at_s % 60  # CloudWatch's periods begin with a minute


@lru_cache(16_384)
def _function(text: str) -> str:
    name = text.strip()
    if not _FUNCTION.fullmatch(name):
        raise BadRowError("rows without a function's name")
    return name


def _number(text: str) -> str:
    """Return `text` if it is a number that a metric can have, or nothing."""
    text = text.strip()
    if not text:
        return ""
    try:
        value = float(text)
    except ValueError:
        raise BadRowError("rows with a value that is no number") from None
    if not 0 <= value <= _MOST:  # and neither infinite nor no number at all
        raise BadRowError("rows with a value that can't be")
    return text
