"""CloudWatch's figures: of the account, and of the functions and queues that have work.

CloudWatch charges by the metric and is one to three minutes behind, so a metric is asked for once a
minute at most, 500 to a call, and those of idle functions never.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.aws.shelf import Shelf

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import (
        DimensionTypeDef,
        GetMetricDataOutputTypeDef,
        MetricDataQueryTypeDef,
    )

BATCH: Final = 500
"""Metrics per call (API reference, GetMetricData)."""

MINUTE_S: Final = 60
_WINDOW_S: Final = 5 * MINUTE_S
_VOID_S: Final = 5 * MINUTE_S


_Page = tuple[list[tuple[int, list[tuple[float, float]]]], str]
Make = Callable[[str, Callable[[], Any], Callable[[Any], _Page]], _Page]
"""Makes a call by IAM's name for it; see `governor.aws.calls.Calls.make`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One of CloudWatch's metrics; `of` is the function or queue, None: the account."""

    namespace: str
    name: str
    stat: Literal["Maximum", "Average", "Sum"]
    dimension: str | None = None
    of: str | None = None


IN_ALL: Final = Metric("AWS/Lambda", "ConcurrentExecutions", "Maximum")
UNRESERVED: Final = Metric("AWS/Lambda", "UnreservedConcurrentExecutions", "Maximum")
CLAIMED: Final = Metric("AWS/Lambda", "ClaimedAccountConcurrency", "Maximum")


def concurrency(function: str) -> Metric:
    """How many invocations of a function ran at once."""
    return Metric("AWS/Lambda", "ConcurrentExecutions", "Maximum", "FunctionName", function)


def duration(function: str) -> Metric:
    """How long a function's invocations took on average, in milliseconds."""
    return Metric("AWS/Lambda", "Duration", "Average", "FunctionName", function)


def oldest_age(queue: str) -> Metric:
    """Age of a queue's oldest message, in seconds."""
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", "QueueName", queue)


@dataclass(frozen=True, slots=True)
class Points:
    """A metric's last minutes, the newest first: (begin, value). None at all: nothing happened."""

    values: tuple[tuple[float, float], ...]

    @property
    def newest(self) -> float | None:
        """The last minute's value."""
        return self.values[0][1] if self.values else None


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds since 1970, and in how long steps."""

    start_s: float
    end_s: float
    period_s: int = MINUTE_S


class Metrics:
    """The metrics that were asked for lately."""

    def __init__(self, clients: Clients, calls: Calls) -> None:
        """Know none yet."""
        self._clients = clients
        self._calls = calls
        self._shelf: Shelf[Metric, Points] = Shelf(MINUTE_S, _VOID_S)

    def get(self, metric: Metric, at_s: float) -> Points | None:
        """What is known of a metric; None: it could not be read, or not yet."""
        return self._shelf.get(metric, at_s)

    def refresh(self, wanted: Sequence[Metric], at_s: float, batches: int) -> int:
        """Read those of `wanted` that are unknown or a minute old, `batches` of 500 at most.

        Returns how many batches it took. Raises `CallError`.
        """
        self._shelf.keep_only(wanted)
        due = self._shelf.unread(wanted, at_s) + self._shelf.due(wanted, at_s)
        taken = due[: batches * BATCH]
        for first in range(0, len(taken), BATCH):
            batch = taken[first : first + BATCH]
            for metric, points in zip(batch, self._read(batch, at_s), strict=True):
                self._shelf.put(metric, points, at_s)
        return -(-len(taken) // BATCH)

    def _read(self, batch: Sequence[Metric], at_s: float) -> Iterable[Points]:
        end_s = (at_s // MINUTE_S + 1) * MINUTE_S
        span = Span(end_s - _WINDOW_S, end_s)
        found = series(self._calls.read, self._clients.metrics, batch, span)
        return [Points(tuple(sorted(points, reverse=True))) for points in found]


def series(
    make: Make,
    client: "CloudWatchClient",
    batch: Sequence[Metric],
    span: Span,
) -> list[list[tuple[float, float]]]:
    """Read `BATCH` metrics at most, through `make`: of each its points (begin, value), unordered.

    It takes a call for every 100,800 points (API reference, GetMetricData). Raises `CallError`.
    """
    found: list[list[tuple[float, float]]] = [[] for _ in batch]
    asked: dict[str, Any] = {
        "MetricDataQueries": [
            _query(index, metric, span.period_s) for index, metric in enumerate(batch)
        ],
        "StartTime": datetime.fromtimestamp(span.start_s, UTC),
        "EndTime": datetime.fromtimestamp(span.end_s, UTC),
    }
    token = ""
    while True:
        page = asked | ({"NextToken": token} if token else {})
        results, token = make(
            "cloudwatch:GetMetricData",
            lambda page=page: client.get_metric_data(**page),  # type: ignore[misc]
            _page,
        )
        for index, points in results:
            found[index] += points
        if not token:
            return found


def _query(index: int, metric: Metric, period_s: int) -> "MetricDataQueryTypeDef":
    dimensions: list[DimensionTypeDef] = []
    if metric.dimension is not None and metric.of is not None:
        dimensions.append({"Name": metric.dimension, "Value": metric.of})
    return {
        "Id": f"m{index}",
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": dimensions,
            },
            "Period": period_s,
            "Stat": metric.stat,
        },
    }


def _page(answer: "GetMetricDataOutputTypeDef") -> _Page:
    """The points of an answer by the number of their query, and where the next page begins."""
    results = []
    for result in answer["MetricDataResults"]:
        times = [stamp.timestamp() for stamp in result["Timestamps"]]
        points = list(zip(times, result["Values"], strict=True))
        results.append((int(result["Id"].removeprefix("m")), points))
    return results, answer.get("NextToken", "")
