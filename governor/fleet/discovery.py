"""What an account looks like to who begins to govern it. Pure.

A function's priority is suggested from who calls it: `user-facing` when someone waits for the
answer, or may, for to hold such a function back by mistake harms more than the other way round.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from governor.controller.observed import AccountFacts
from governor.fleet.details import Details
from governor.fleet.function import EventSourceMapping, Function
from governor.fleet.sources import Kind, Source, of_mapping
from governor.model import Priority

_WAITS = frozenset({Kind.API, Kind.SYNC})


@dataclass(frozen=True, slots=True)
class Peaks:
    """Highest concurrency of 14 days: of functions, of the user-facing ones together, of all.

    Functions whose peak could not be read are not in `by_function`. `in_all` None: unread.
    """

    by_function: Mapping[str, int]
    summed: int = 0
    """The highest sum of the user-facing functions' peaks within one hour."""
    in_all: int | None = None

    @property
    def users(self) -> int:
        """What user-facing functions needed at once, at most: no more than all together ran."""
        return self.summed if self.in_all is None else min(self.summed, self.in_all)


@dataclass(frozen=True, slots=True)
class Row:
    """A function of the account. `peak` None: it could not be read."""

    function: Function
    sources: tuple[Source, ...]
    details: Details
    peak: int | None
    priority: Priority
    why: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """An account and Region. `missing` says what could not be read, `limits` None: they.

    Of so many functions details are `remembered` from earlier, for `remembered_s` at most.
    """

    account: str
    region: str
    rows: tuple[Row, ...]
    functions: int
    """How many there are, selected or not."""
    limits: AccountFacts | None
    peaks: Peaks
    calls: Mapping[str, int]
    """How many were made, by IAM's name."""
    remembered: int = 0
    remembered_s: float = 0.0
    missing: tuple[str, ...] = ()
    mappings: tuple[EventSourceMapping, ...] = ()
    """Those of the functions that were selected."""


def rows(
    functions: Iterable[Function],
    mappings: Iterable[EventSourceMapping],
    details: Mapping[str, Details],
) -> list[Row]:
    """Return what is known of functions, all but their peaks."""
    fed: defaultdict[str, set[Source]] = defaultdict(set)
    for each in mappings:
        fed[each.function].add(of_mapping(each))
    return [_row(each, fed[each.name], details[each.name]) for each in functions]


def _row(function: Function, fed: set[Source], details: Details) -> Row:
    sources = tuple(sorted(fed | set(details.callers)))
    priority, why = suggested(sources, details.unread)
    return Row(function, sources, details, None, priority, why)


def suggested(sources: tuple[Source, ...], unread: tuple[str, ...]) -> tuple[Priority, str]:
    """Return the priority of a function that has these `sources`, and why."""
    waiting = [each.name for each in sources if each.kind in _WAITS]
    others = [each.name for each in sources if each.kind not in _WAITS]
    if waiting:
        return Priority.USER_FACING, f"{_and(waiting)} may wait for it"
    if unread:
        return Priority.USER_FACING, "who calls it could not be read"
    if others:
        verb = "calls" if len(set(others)) == 1 else "call"
        return Priority.BACKGROUND, f"nobody waits: only {_and(others)} {verb} it"
    return Priority.USER_FACING, "who calls it can't be seen: code may, and wait"


def _and(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    return " and ".join(filter(None, (", ".join(distinct[:-1]), distinct[-1])))
