"""The platform: the pool that all functions of the account share, and what it tells CloudWatch.

An invocation that finds no room gets AWS's own throttle (429). That is something else than a denial
of the governor, which comes from within an invocation that has a slot.

AWS's minutes are `MINUTE_S` long here: the time that an update of a mapping takes to settle, that
pollers take to add 300, that a failed event waits. CloudWatch's minutes are real ones, since the
controller asks for them by the clock.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Lacking

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef

SPEED: Final = 12
"""How much faster than in AWS the platform's own minutes go by."""

MINUTE_S: Final = 60 / SPEED

MOST_ERRORS: Final = 3
"""So many different ones are kept, the first ones: one cause fails many invocations."""

MOST_OF_AN_ERROR: Final = 300
"""Characters."""

_CLOUDWATCH_MINUTE_S: Final = 60
_CLOUDWATCH_LATE_S: Final = 5.0
"""In AWS it is a minute or more. The controller may well know sooner; it can't know later."""


class Ended(StrEnum):
    """How an invocation ended. Only the first one has done its work."""

    DONE = "done"
    DENIED = "denied"
    """By the governor: an answer 429 of the layer, or its ConcurrencyLimitExceeded."""
    FAILED = "failed"
    THROTTLED = "throttled"
    """By AWS. It has not begun."""


class Environments(Protocol):
    """The execution environments of one function: as many as are asked for."""

    async def warm(self) -> None:
        """Have them started."""

    async def invoke(self, event: object) -> Any:
        """Run an invocation; return what AWS hears: the handler's result, or an `errorType`."""


@dataclass(slots=True)
class Minute:
    """What CloudWatch is told of a minute. `highest` is by function; the pool is unreserved."""

    begin_s: int
    highest: Counter[str] = field(default_factory=Counter)
    pool: int = 0
    claimed: int = 0
    durations_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Region:
    """Admits invocations, runs them, counts them."""

    def __init__(self, facts: Lacking, start: Callable[[str], Environments]) -> None:
        """Admit as `facts` (the account's limit, what is reserved) say; `start` a function."""
        self.running: Counter[str] = Counter()
        self.ended: defaultdict[str, Counter[Ended]] = defaultdict(Counter)
        """How invocations of each function have ended."""
        self.errors: list[str] = []
        """What the first ones of those that failed had to say, each once."""
        self.peak = 0
        """The most that ever ran in the shared pool."""
        self._facts = facts
        self._start = start
        self._functions: dict[str, Environments] = {}
        self._minute = Minute(_minute())
        self._over: list[Minute] = []

    async def invoke(self, function: str, event: object) -> Ended:
        """Invoke `function`; return how it ended, after that."""
        environments = await self.warm(function)
        if not self._has_room(function):
            self.ended[function][Ended.THROTTLED] += 1
            return Ended.THROTTLED
        self.running[function] += 1
        self._sample(function)
        began = time.monotonic()
        try:
            answer = await environments.invoke(event)
        finally:
            self.running[function] -= 1
        self._minute.durations_ms[function].append((time.monotonic() - began) * 1000)
        how = ended(answer)
        self.ended[function][how] += 1
        if how is Ended.FAILED:
            self._keep(f"{function}: {error(answer)}")
        return how

    async def warm(self, function: str) -> Environments:
        """Have `function` started. Cold starts are no part of this world."""
        if function not in self._functions:
            self._functions[function] = self._start(function)
        await self._functions[function].warm()
        return self._functions[function]

    @property
    def pool(self) -> int:
        """What runs in the account's shared part."""
        reserved = self._facts.reserved
        return sum(count for name, count in self.running.items() if name not in reserved)

    async def tell(self, fleet: Fleet) -> None:
        """Tell CloudWatch of each minute a moment after its end, for as long as this is run."""
        while True:
            await asyncio.sleep(_CLOUDWATCH_MINUTE_S + _CLOUDWATCH_LATE_S - time.time() % 60)
            self._turn_over()
            over, self._over = self._over, []
            data = [datum for minute in over for datum in _data(minute)]
            if data:
                await asyncio.to_thread(
                    fleet.metrics.put_metric_data, Namespace="AWS/Lambda", MetricData=data
                )

    def _keep(self, text: str) -> None:
        if text not in self.errors and len(self.errors) < MOST_ERRORS:
            self.errors.append(text)

    def _has_room(self, function: str) -> bool:
        reserved = self._facts.reserved
        if function in reserved:
            return self.running[function] < reserved[function]
        return self.pool < self._facts.limit - sum(reserved.values())

    def _sample(self, function: str) -> None:
        self._turn_over()
        minute, pool = self._minute, self.pool
        minute.highest[function] = max(minute.highest[function], self.running[function])
        minute.pool = max(minute.pool, pool)
        set_aside = sum(self._facts.reserved.values()) + sum(self._facts.provisioned.values())
        minute.claimed = max(minute.claimed, pool + set_aside)
        self.peak = max(self.peak, pool)

    def _turn_over(self) -> None:
        if self._minute.begin_s != (now := _minute()):
            self._over.append(self._minute)
            self._minute = Minute(now)
            for function in +self.running:
                self._sample(function)


def _minute() -> int:
    return int(time.time()) // _CLOUDWATCH_MINUTE_S * _CLOUDWATCH_MINUTE_S


def ended(answer: object) -> Ended:
    """How an invocation ended of which AWS hears `answer`."""
    match answer:
        case {"errorType": "ConcurrencyLimitExceeded"}:
            return Ended.DENIED
        case {"statusCode": HTTPStatus.TOO_MANY_REQUESTS}:
            return Ended.DENIED
        case {"statusCode": HTTPStatus.OK}:
            return Ended.DONE
        case _:
            return Ended.FAILED


def error(answer: object) -> str:
    """What a failed invocation has to say, of which AWS hears `answer`; the rest is cut off."""
    match answer:
        case {"errorType": kind, "errorMessage": message}:
            text = f"{kind}: {message}"
        case _:
            text = f"{answer}"
    return text if len(text) <= MOST_OF_AN_ERROR else text[:MOST_OF_AN_ERROR] + "…"


def _data(minute: Minute) -> "list[MetricDatumTypeDef]":
    """The metrics of a minute (Lambda developer guide, "Types of metrics for Lambda functions")."""
    values: list[tuple[str, str | None, float]] = [
        ("UnreservedConcurrentExecutions", None, minute.pool),
        ("ClaimedAccountConcurrency", None, minute.claimed),
    ]
    for function, highest in minute.highest.items():
        values.append(("ConcurrentExecutions", function, highest))
    for function, durations in minute.durations_ms.items():
        values.append(("Duration", function, sum(durations) / len(durations)))
    return [
        {
            "MetricName": name,
            "Value": value,
            "Timestamp": datetime.fromtimestamp(minute.begin_s, UTC),
            "Dimensions": [{"Name": "FunctionName", "Value": of}] if of else [],
        }
        for name, of, value in values
    ]
