"""Observe: one snapshot of the account per cycle, in few calls.

Each cycle lists all mappings (a call per 100) and reads, by turns, as much of the rest as
`_SLOW_CALLS` say: the account's limits, tags, quota requests, metrics; functions that were read
before, with half of what is left; originals. So 2,000 mappings cost 25 calls at most, and 23 of
them are Lambda's. Queues are SQS's data plane and come on top, and so do functions that were never
seen before.

The functions' tags come on top, too, 500 functions a cycle until all are read.

What can't be read is left out and told in `missing`; what was read before is used for a while.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from governor.aws.errors import CallError, GoneError, sentences
from governor.controller.aws import limits, metrics
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.aws.function_tags import FunctionTags
from governor.controller.aws.functions import Details, Functions
from governor.controller.aws.history import History, ungoverned
from governor.controller.aws.mappings import Mappings, function_of, value
from governor.controller.aws.metrics import Metric, Metrics, Points
from governor.controller.aws.queues import Queues, name_of
from governor.controller.aws.shelf import Fact
from governor.controller.aws.tags import Tags, UnreadableTagError, knobs, reserved
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
    Queue,
)
from governor.model import ScopeCount, function_scope

V = TypeVar("V")

WITHIN_S: Final = 15.0
"""No call of a snapshot begins later than this after its begin."""

_SLOW_CALLS: Final = 5
"""Calls per cycle for all the rest; in a large account a quarter of what listing takes."""

_LIMITS_DUE_S: Final = 5.0
_LIMITS_VOID_S: Final = 120.0
_SLOW_DUE_S: Final = 60.0
_SLOW_VOID_S: Final = 3600.0
_FUNCTION: Final = "function:"


class Observer:
    """Reads the account, and remembers what need not be read each time."""

    def __init__(self, clients: Clients, calls: Calls, tags: Tags, threads: Executor) -> None:
        """Know nothing yet."""
        self._calls = calls
        self._tags = tags
        self.mappings = Mappings(clients, calls)
        self.functions = Functions(clients, calls, threads)
        self._queues = Queues(clients, calls, threads)
        self._metrics = Metrics(clients, calls)
        self._history = History()
        self.limits = Fact(lambda: limits.of_account(clients, calls), _LIMITS_DUE_S, _LIMITS_VOID_S)
        self.quota = Fact(lambda: limits.last_request(clients, calls), _SLOW_DUE_S, _SLOW_VOID_S)
        self._tagged = Fact(tags.read, _SLOW_DUE_S, _SLOW_VOID_S)
        self._function_tags = FunctionTags(clients, calls)

    def observe(
        self,
        scopes: Mapping[str, ScopeCount],
        at_s: float,
        peaks: Sequence[int],
        *,
        quota: bool,
        every_original: bool,
    ) -> Observed:
        """Take a snapshot; see `AwsAccount.observe`."""
        self._calls.begin(WITHIN_S)
        cycle = _Cycle(scopes, at_s)
        listed = cycle.attempt("event-source mappings", lambda: self.mappings.refresh(at_s))
        cycle.left = max(_SLOW_CALLS, self.mappings.pages // 4)
        cycle.attempt("the account's limits", lambda: self.limits.refresh(at_s))
        cycle.attempt("the originals in tags", lambda: self._tagged.refresh(at_s))
        if quota:
            cycle.attempt("quota requests", lambda: self.quota.refresh(at_s))
        unasked = self._unasked(every=every_original) if listed else []
        mappings = self._values(cycle) if listed else ()
        queues = self._read_queues(cycle, mappings)
        self._remember(cycle)
        busy = _with_work(mappings, queues, scopes)
        wanted = [metrics.UNRESERVED, metrics.CLAIMED, *_figures(busy, queues)]
        cycle.attempt(
            "CloudWatch's metrics",
            lambda: self._metrics.refresh(wanted, at_s, max(1, cycle.left)),
        )
        functions, unread = self._read_functions(cycle, mappings, busy)
        most = len(unasked) if every_original else max(0, cycle.left)  # for the next snapshot
        cycle.attempt("the originals in tags", lambda: self._tags.ask(unasked[:most]))
        tags = cycle.value("the functions' tags", lambda: self._function_tags.read(at_s))
        return Observed(
            at_s=at_s,
            account=self._account(cycle, quota=quota),
            mappings=mappings if listed else None,
            queues={arn: self._aged(queue, at_s) for arn, queue in queues.items()},
            functions=functions,
            scopes=scopes,
            ungoverned=self._ungoverned(at_s, peaks),
            tags=tags,
            missing=tuple(dict.fromkeys(cycle.missing)),
            unasked=len(unasked) + unread + (self._tagged.get(at_s) is None),
        )

    def _unasked(self, *, every: bool) -> list[str]:
        """The mappings that are to be asked themselves for an original, the likely ones first.

        A process asks each once. One that is not held back can wait until a restore asks `every`
        one.
        """
        self._tags.keep_only(self.mappings.known.keys())
        likely = self._tags.unasked(self.mappings.held())
        others = self._tags.unasked([*self.mappings.known]) if every else []
        return list(dict.fromkeys([*likely, *others]))

    def _values(self, cycle: "_Cycle") -> tuple[EventSourceMapping, ...]:
        originals: dict[str, Knobs] = {}
        for arn in self._tags.known.keys() & self.mappings.known.keys():
            try:
                originals[arn] = knobs(self._tags.known[arn])
            except UnreadableTagError as error:
                cycle.missing.append(f"the original of mapping {arn}: {error}")
        return tuple(value(each, originals) for each in self.mappings.known.values())

    def _read_queues(
        self, cycle: "_Cycle", mappings: tuple[EventSourceMapping, ...]
    ) -> dict[str, Queue]:
        arns = dict.fromkeys(mapping.queue for mapping in mappings)
        busy = {
            mapping.queue
            for mapping in mappings
            if cycle.in_use(mapping.function) or mapping.original is not None
        }
        cycle.tell("queue", self._queues.refresh(arns.keys(), busy, cycle.at_s), name_of)
        return self._queues.get(arns, cycle.at_s)

    def _aged(self, queue: Queue, at_s: float) -> Queue:
        age = self._metrics.get(metrics.oldest_age(name_of(queue.arn)), at_s)
        return replace(queue, oldest_age_s=age.newest if age else None)

    def _remember(self, cycle: "_Cycle") -> None:
        known = self.limits.get(cycle.at_s)
        self._history.add(cycle.at_s, known.limit - known.unreserved if known else None)

    def _account(self, cycle: "_Cycle", *, quota: bool) -> AccountFacts | None:
        known = self.limits.get(cycle.at_s)
        if known is None:
            return None
        last = self.quota.get(cycle.at_s) if quota else None
        return AccountFacts(known.limit, known.unreserved - self._provisioned(cycle), last)

    def _provisioned(self, cycle: "_Cycle") -> int:
        unreserved = self._metrics.get(metrics.UNRESERVED, cycle.at_s)
        claimed = self._metrics.get(metrics.CLAIMED, cycle.at_s)
        if unreserved is None or claimed is None:
            return 0  # then `ungoverned` is unknown too
        return self._history.provisioned(unreserved, claimed)

    def _ungoverned(self, at_s: float, peaks: Sequence[int]) -> int | None:
        unreserved = self._metrics.get(metrics.UNRESERVED, at_s)
        return None if unreserved is None else ungoverned(unreserved, peaks, at_s)

    def _read_functions(
        self, cycle: "_Cycle", mappings: Iterable[EventSourceMapping], busy: Sequence[str]
    ) -> tuple[dict[str, FunctionFacts], int]:
        """Read functions; return them, and how many that have a tag could not be read."""
        counted = [
            scope.removeprefix(_FUNCTION) for scope in cycle.scopes if scope.startswith(_FUNCTION)
        ]
        tagged = [function_of(arn) for arn in self._tags.known if ":function:" in arn]
        fed = [mapping.function for mapping in mappings]
        names = list(dict.fromkeys([*tagged, *busy, *counted, *fed]))
        again = max(0, cycle.left // 2)
        failed = self.functions.refresh(
            names, cycle.at_s, again, provisioned=self._provisioned(cycle) > 0
        )
        cycle.left -= again
        cycle.tell("function", failed, str)
        known = self.functions.get(names, cycle.at_s)
        unread = sum(
            name not in known and not isinstance(failed.get(name), GoneError) for name in tagged
        )
        return {name: self._facts(cycle, name, known[name]) for name in known}, unread

    def _facts(self, cycle: "_Cycle", name: str, details: Details) -> FunctionFacts:
        tag = self._tags.known.get(details.arn)
        original = None
        if tag is not None:
            try:
                original = reserved(tag)
            except UnreadableTagError as error:
                cycle.missing.append(f"the original of function {name}: {error}")
                tag = None
        ran = self._metrics.get(metrics.concurrency(name), cycle.at_s)
        took = self._metrics.get(metrics.duration(name), cycle.at_s)
        return FunctionFacts(
            name=name,
            timeout_s=details.timeout_s,
            reserved=details.reserved,
            braked=tag is not None,
            original_reserved=original,
            provisioned=details.provisioned,
            concurrency=_whole(ran),
            duration_s=None if took is None or took.newest is None else took.newest / 1000,
        )


@dataclass(slots=True)
class _Cycle:
    """What is going on in one cycle; `left` are the calls left for what changes slowly."""

    scopes: Mapping[str, ScopeCount]
    at_s: float
    left: int = 0
    missing: list[str] = field(default_factory=list)

    def in_use(self, function: str) -> int:
        """How many invocations of a function the ledger counts."""
        return self.scopes.get(function_scope(function), ScopeCount()).in_use

    def attempt(self, what: str, read: Callable[[], int]) -> bool:
        """Read, count the calls that took, tell what is missing if that fails."""
        try:
            self.left -= read()
        except CallError as error:
            self.left -= 1
            self.missing.append(f"{what}: {error}")
            return False
        return True

    def value(self, what: str, read: Callable[[], V]) -> V | None:
        """Return what is read, None if that fails; then tell what is missing."""
        try:
            return read()
        except CallError as error:
            self.missing.append(f"{what}: {error}")
            return None

    def tell(self, kind: str, failed: Mapping[str, CallError], name: Callable[[str], str]) -> None:
        """Tell why what could not be read: one sentence for each kind of failure."""
        self.missing += sentences(kind, ((name(key), error) for key, error in failed.items()))


def _with_work(
    mappings: Iterable[EventSourceMapping],
    queues: Mapping[str, Queue],
    scopes: Mapping[str, ScopeCount],
) -> list[str]:
    """Functions with messages waiting or invocations running, the longest queue first."""
    work = {
        scope.removeprefix(_FUNCTION): count.in_use
        for scope, count in scopes.items()
        if count.in_use and scope.startswith(_FUNCTION)
    }
    for mapping in mappings:
        queue = queues.get(mapping.queue)
        if queue is not None and (waiting := queue.visible + queue.in_flight):
            work[mapping.function] = work.get(mapping.function, 0) + waiting
    return sorted(work, key=lambda name: (-work[name], name))


def _figures(busy: Sequence[str], queues: Mapping[str, Queue]) -> Iterable[Metric]:
    """The metrics of what has work."""
    for name in busy:
        yield metrics.duration(name)
        yield metrics.concurrency(name)
    for queue in queues.values():
        if queue.visible:
            yield metrics.oldest_age(name_of(queue.arn))


def _whole(points: Points | None) -> int | None:
    return None if points is None or points.newest is None else round(points.newest)
