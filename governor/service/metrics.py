"""The Prometheus metrics: counters of this replica, over all its processes, and the pool's gauges.

Processes share their counters through memory-mapped files (prometheus_client's multiprocess mode):
whichever of them is scraped tells the truth for all. `PROMETHEUS_MULTIPROC_DIR` names the folder
and must be set before this module is imported.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from governor.model import Denied, Granted, Limits, Priority, Released, ScopeCount
from governor.policy import Policy
from governor.service.bodies.status import PriorityInUse

OTHER: Final = "other"
UNKNOWN_NAMES: Final = 1000
"""Functions that the policy does not name and that still get a label of their own."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger(__name__)

if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    # A worker never forks. Asking the kernel for its pid at each count, as is the default, takes a
    # tenth of a busy worker's time.
    _PID: Final = os.getpid()
    values.ValueClass = values.MultiProcessValue(lambda: _PID)  # type: ignore[no-untyped-call]

_NOWHERE: Final = CollectorRegistry()  # values live in the shared files, not in a registry

ACQUIRES: Final = Counter(
    "governor_acquires_total",
    "Check-ins by outcome.",
    ["function", "result"],
    registry=_NOWHERE,
)
DENIALS: Final = Counter(
    "governor_denials_total",
    "Denied check-ins by the scope that had no room.",
    ["function", "denied_by"],
    registry=_NOWHERE,
)
USER_DENIALS: Final = Counter(
    "governor_user_denials_total",
    "Denied check-ins of user-facing functions by the scope that had no room.",
    ["denied_by"],
    registry=_NOWHERE,
)
RELEASES: Final = Counter(
    "governor_releases_total",
    "Check-outs; unknown: the id held nothing.",
    ["function", "result"],
    registry=_NOWHERE,
)
EXPIRED: Final = Counter(
    "governor_leases_expired_total",
    "Leases that ended without a check-out.",
    ["function"],
    registry=_NOWHERE,
)
SECONDS: Final = Histogram(
    "governor_acquire_seconds",
    "Time from a check-in's arrival to its answer, waiting included.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120, 900),
    registry=_NOWHERE,
)


class Metrics:
    """Counts what the check-ins of one process come to."""

    def __init__(self, policy: Callable[[], Policy], workers: int) -> None:
        """Keep labels bounded: functions that `policy` names have their own, others share a number.

        `workers` is how many processes share the names of unlisted functions.
        """
        # The counters' file is opened here, as the histogram's was: no check-in can fail for it.
        RELEASES.labels(OTHER, "unknown")
        self._policy = policy
        self._unknown_left = UNKNOWN_NAMES // workers
        self._labels: dict[str, str] = {}
        self._counters: dict[tuple[str, str], Counter] = {}

    def acquired(self, function: str, answer: Granted | Denied, seconds: float) -> None:
        """Count the outcome of a check-in."""
        SECONDS.observe(seconds)
        match answer:
            case Denied(denied_by):
                self._count(function, "denied")
                DENIALS.labels(self._label(function), denied_by).inc()
                if self._policy().priority_of(function) is Priority.USER_FACING:
                    USER_DENIALS.labels(denied_by).inc()
            case Granted(replayed=True):
                self._count(function, "replayed")
            case Granted(overrun=True):
                self._count(function, "overrun")
            case Granted(shadow_denied_by=None):
                self._count(function, "granted")
            case Granted():
                self._count(function, "shadow_denied")

    def unavailable(self, function: str) -> None:
        """Count a check-in that the store could not answer."""
        self._count(function, "unavailable")

    def released(self, released: Released) -> None:
        """Count a check-out."""
        if released.function is None:
            RELEASES.labels(OTHER, "unknown").inc()
        else:
            RELEASES.labels(self._label(released.function), "released").inc()

    def expired(self, functions: Mapping[str, int]) -> None:
        """Count leases that were found expired."""
        for function, leases in functions.items():
            EXPIRED.labels(self._label(function)).inc(leases)

    def _count(self, function: str, result: str) -> None:
        counter = self._counters.get((function, result))
        if counter is None:
            label = self._label(function)
            counter = ACQUIRES.labels(label, result)
            if label is not OTHER:
                self._counters[function, result] = counter
        counter.inc()

    def _label(self, function: str) -> str:
        if function in self._labels or function in self._policy().functions:
            return function
        if self._unknown_left <= 0:
            return OTHER
        self._unknown_left -= 1
        return self._labels.setdefault(function, function)


class PoolCollector(Collector):
    """The gauges: what the pool's ledger counts now, against the limits."""

    def __init__(
        self,
        counts: Mapping[str, ScopeCount],
        limits: Mapping[str, Limits],
        account: PriorityInUse | None,
        *,
        store_up: bool,
    ) -> None:
        """Report `counts` of scopes; those without `limits` share a label beyond some number.

        `account` is the account's count by priority; None: not known.
        """
        self._counts = counts
        self._limits = limits
        self._account = account
        self._store_up = store_up

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges."""
        yield GaugeMetricFamily(
            "governor_store_up", "Whether the store takes check-ins (1) or not (0).", self._store_up
        )
        in_use = GaugeMetricFamily(
            "governor_in_use", "Summed weight of the live leases.", labels=["scope"]
        )
        maximum = GaugeMetricFamily(
            "governor_max_concurrency", "The scope's limit, where it has one.", labels=["scope"]
        )
        headroom = GaugeMetricFamily(
            "governor_headroom", "What only user-facing functions may take.", labels=["scope"]
        )
        for scope, value in self._in_use():
            in_use.add_metric([scope], value)
        for scope, limits in self._limits.items():
            if limits.max_concurrency is not None:
                maximum.add_metric([scope], limits.max_concurrency)
                headroom.add_metric([scope], limits.headroom)
        account = GaugeMetricFamily(
            "governor_account_in_use",
            "What the account has in use, by its functions' priority.",
            labels=["priority"],
        )
        if self._account is not None:
            account.add_metric([Priority.USER_FACING], self._account.user_facing)
            account.add_metric([Priority.BACKGROUND], self._account.background)
        yield from (in_use, maximum, headroom, account)

    def _in_use(self) -> Iterator[tuple[str, int]]:
        for scope in self._limits:
            yield scope, self._counts[scope].in_use if scope in self._counts else 0
        unlisted = sorted(scope for scope in self._counts if scope not in self._limits)
        for scope in unlisted[:UNKNOWN_NAMES]:
            yield scope, self._counts[scope].in_use
        if rest := unlisted[UNKNOWN_NAMES:]:
            yield f"function:{OTHER}", sum(self._counts[scope].in_use for scope in rest)


def exposition(gauges: Iterable[Collector]) -> bytes:
    """Return the text of `/metrics`: all processes' counters, and the pool's `gauges`."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library has no types
    except ValueError:
        log.error(  # noqa: TRY400 - the message says it all
            "the folder %s with the counters is gone, so there are none: keep what cleans %s away "
            "from it, and start the service again",
            os.environ["PROMETHEUS_MULTIPROC_DIR"],
            tempfile.gettempdir(),
        )
    for each in gauges:
        registry.register(each)
    return generate_latest(registry)
