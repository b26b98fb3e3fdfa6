"""How much ran at once in the last 14 days, as CloudWatch has it.

In steps of an hour: what user-facing functions needed together is nearer to the sum of an hour's
peaks than to that of 14 days'. CloudWatch charges by the metric and call, not by the step.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from governor.aws.calls import Calls
from governor.aws.errors import CallError
from governor.controller.aws.metrics import (
    BATCH,
    CLAIMED,
    IN_ALL,
    UNRESERVED,
    Metric,
    Span,
    concurrency,
    series,
)
from governor.fleet.aws.clients import Clients
from governor.fleet.discovery import Peaks

DAYS: Final = 14
HOUR_S: Final = 3600

_STEADY_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Read:
    """Peaks, and what could not be read."""

    peaks: Peaks
    missing: tuple[str, ...]


def read(
    clients: Clients,
    calls: Calls,
    wanted: Mapping[str, bool],
    now_s: float,
    seen: Callable[[int], None],
) -> Read:
    """Read the peaks of the functions `wanted`, and of those together that say True.

    `seen` is told of how many functions they are known. What can't be read is `missing`.
    """
    end_s = (now_s // HOUR_S + 1) * HOUR_S
    span = Span(end_s - DAYS * 24 * HOUR_S, end_s, HOUR_S)
    by_function: dict[str, int] = {}
    together: Counter[float] = Counter()
    in_all: int | None = None
    missing: list[str] = []
    names = list(wanted)
    try:
        (all_of_them,) = series(calls.make, clients.metrics, [IN_ALL], span)
        in_all = _highest(all_of_them) if all_of_them else None
        for first in range(0, len(names), BATCH):
            batch = names[first : first + BATCH]
            metrics = [concurrency(name) for name in batch]
            found = series(calls.make, clients.metrics, metrics, span)
            for name, points in zip(batch, found, strict=True):
                by_function[name] = _highest(points)
                if wanted[name]:
                    together.update(dict(points))
            seen(len(by_function))
    except CallError as error:
        left = len(names) - len(by_function)
        missing.append(f"peak concurrency of {left:,} functions: {error}")
    users_peak = round(max(together.values(), default=0))
    return Read(Peaks(by_function, users_peak, in_all), tuple(missing))


def may_have_provisioned(clients: Clients, calls: Calls, reserved: int, now_s: float) -> bool:
    """Say whether something other than `reserved` concurrency is taken out of the shared pool.

    What ClaimedAccountConcurrency counts beyond what ran unreserved is reserved or provisioned
    (developer guide, concurrency metrics), in the last minute that has both. True if CloudWatch
    does not say. Raises `CallError`.
    """
    end_s = (now_s // 60 + 1) * 60
    both: list[Metric] = [CLAIMED, UNRESERVED]
    span = Span(end_s - _STEADY_S, end_s)
    claimed, unreserved = map(dict, series(calls.make, clients.metrics, both, span))
    common = claimed.keys() & unreserved.keys()
    if not common:
        return True
    newest = max(common)
    return claimed[newest] - unreserved[newest] > reserved


def _highest(points: Sequence[tuple[float, float]]) -> int:
    """Nothing happened where there is no point."""
    return round(max((value for _, value in points), default=0))
