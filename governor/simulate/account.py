"""The simulated account as the controller sees and changes it: `survey.Account` once more."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from governor.controller.actions import Action, AskForMore, Brake, Outcome, Result, Turn
from governor.controller.aws.bucket import Bucket
from governor.controller.aws.calls import BURST_S, KEPT_FOR_CHANGES
from governor.controller.aws.history import ungoverned
from governor.controller.aws.mappings import PAGE
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
)
from governor.controller.observed import (
    Queue as QueueFacts,
)
from governor.model import ScopeCount
from governor.settings import CALLS_PER_S
from governor.simulate.cloudwatch import CloudWatch
from governor.simulate.pool import Pool
from governor.simulate.sqs import Queue
from governor.simulate.timeline import Timeline
from governor.simulate.work import Running

SETTLE_S: Final = 60.0
"""UpdateEventSourceMapping takes about a minute; until then State is Updating (inferred from
acceptance tests)."""

_WITHHELD: Final = "the budget of API calls is used up"


@dataclass(slots=True)
class _Mapping:
    """A mapping's settings at AWS; they hold from `settles_s` on. `tag`: the original in it."""

    knobs: Knobs
    settles_s: float = 0.0
    tag: Knobs | None = None


class SimulatedAccount:
    """Limits, mappings, queues and metrics of functions that run on a timeline."""

    def __init__(
        self,
        timeline: Timeline,
        pool: Pool,
        functions: Sequence[Running],
        queues: Mapping[str, Queue],
    ) -> None:
        """See `functions`, which draw on `pool`, and the `queues` of some of them, by function."""
        self._timeline = timeline
        self._pool = pool
        self._functions = functions
        self._by_name = {function.name: function for function in functions}
        self._queues = queues
        self._mappings = {
            name: _Mapping(
                Knobs(
                    max_concurrency=queue.source.max_concurrency,
                    batch_size=queue.source.batch_size,
                )
            )
            for name, queue in queues.items()
        }
        self._reserved: dict[str, int] = {}
        """The brakes: nobody else reserves anything here."""
        self._cloudwatch = CloudWatch(timeline, pool, functions)
        capacity = KEPT_FOR_CHANGES + CALLS_PER_S * BURST_S
        self._budget = Bucket(CALLS_PER_S, capacity, lambda: timeline.now_s)
        self.calls: Counter[tuple[str, str]] = Counter()
        """By operation and outcome."""

    def observe(
        self,
        scopes: Mapping[str, ScopeCount],
        at_s: float,
        peaks: Sequence[int] = (),
        *,
        quota: bool = True,  # noqa: ARG002 - nobody answers such requests here
    ) -> Observed:
        """Take a snapshot: queues as they are now, metrics as CloudWatch has them."""
        self._read("lambda:ListEventSourceMappings", -(-len(self._mappings) // PAGE))
        self._read("lambda:GetAccountSettings", 1)
        limit = self._pool.limit + sum(self._reserved.values())
        return Observed(
            at_s=at_s,
            account=AccountFacts(limit, self._pool.limit),
            mappings=tuple(self._seen(name, each) for name, each in self._mappings.items()),
            queues={_queue_arn(name): _facts(name, each) for name, each in self._queues.items()},
            functions={function.name: self._known(function) for function in self._functions},
            scopes=scopes,
            ungoverned=ungoverned(self._cloudwatch.unreserved, peaks, at_s),
        )

    def apply(self, action: Action) -> Outcome:
        """Do it as far as the budget of calls goes; a mapping's new settings hold in a minute."""
        match action:
            case Turn():
                return self._turn(action)
            case Brake():
                return self._brake(action)
            case AskForMore():
                return Outcome(Result.FAILED, "nobody answers such requests here")

    def _turn(self, action: Turn) -> Outcome:
        mapping = self._mappings[action.function]
        now_s = self._timeline.now_s
        if now_s < mapping.settles_s:
            self.calls["lambda:UpdateEventSourceMapping", "busy"] += 1
            return Outcome(Result.DEFERRED, "AWS is busy with an earlier change")
        if not action.restores and mapping.tag is None:
            if not self._change("lambda:ListTags", "lambda:TagResource"):
                return Outcome(Result.DEFERRED, _WITHHELD)
            mapping.tag = action.original
        if action.before != action.after:
            if not self._change("lambda:UpdateEventSourceMapping"):
                return Outcome(Result.DEFERRED, _WITHHELD)
            mapping.knobs, mapping.settles_s = action.after, now_s + SETTLE_S
            queue = self._queues[action.function]
            self._timeline.at(mapping.settles_s, queue.turn, action.after)
        if action.restores and self._change("lambda:UntagResource"):
            mapping.tag = None
        return Outcome(Result.DONE)

    def _brake(self, action: Brake) -> Outcome:
        if not self._change("lambda:PutFunctionConcurrency"):
            return Outcome(Result.DEFERRED, _WITHHELD)
        function = self._by_name[action.function]
        before = self._reserved.pop(action.function, None)
        if before is not None:
            self._pool.limit += before
            self._pool.in_use += function.in_use
            function.pool = self._pool
        if action.after is not None:
            self._reserved[action.function] = action.after
            self._pool.limit -= action.after
            self._pool.in_use -= function.in_use
            function.pool = Pool(action.after)
            function.pool.in_use = function.in_use
        return Outcome(Result.DONE)

    def _known(self, function: Running) -> FunctionFacts:
        name = function.name
        return FunctionFacts(
            name=name,
            timeout_s=int(function.timeout_s),
            reserved=self._reserved.get(name),
            braked=name in self._reserved,
            duration_s=self._cloudwatch.duration_s(name),
        )

    def _read(self, operation: str, calls: int) -> None:
        self._budget.charge(calls)
        self.calls[operation, "ok"] += calls

    def _change(self, *operations: str) -> bool:
        """Make calls, all of them or none."""
        for further, operation in zip(range(len(operations))[::-1], operations, strict=True):
            made = self._budget.take(further, 0)
            self.calls[operation, "ok" if made else "withheld"] += 1
            if not made:
                return False
        return True

    def _seen(self, name: str, mapping: _Mapping) -> EventSourceMapping:
        return EventSourceMapping(
            uuid=f"mapping-{name}",
            arn=f"arn:aws:lambda:::event-source-mapping:{name}",
            function=name,
            queue=_queue_arn(name),
            knobs=mapping.knobs,
            settled=self._timeline.now_s >= mapping.settles_s,
            original=mapping.tag,
        )


def _queue_arn(function: str) -> str:
    return f"arn:aws:sqs:::{function}"


def _facts(name: str, queue: Queue) -> QueueFacts:
    return QueueFacts(
        arn=_queue_arn(name),
        visible=len(queue.visible),
        in_flight=queue.in_flight,
        max_receive_count=queue.source.max_receive_count,
    )
