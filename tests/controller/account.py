"""An AWS account in memory: what the controller does to one can be watched and disturbed.

It takes changes at once, as AWS does in a minute. What AWS really answers is for the tests that
talk to moto.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from governor.controller.actions import Action, AskForMore, Brake, Outcome, Result, Turn
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
    Queue,
)
from governor.model import ScopeCount

DONE = Outcome(Result.DONE)


class MemoryAccount:
    """An account with functions that queues feed; `feed` adds one."""

    def __init__(self, limit: int = 100) -> None:
        """Begin with an account that has nothing in it."""
        self.facts = AccountFacts(limit, limit)
        self.mappings: dict[str, EventSourceMapping] = {}
        self.queues: dict[str, Queue] = {}
        self.functions: dict[str, FunctionFacts] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self.applied: list[Action] = []
        self.cycles = 0
        self.most_at_once = 0
        self.before_observing: Callable[[], None] = lambda: None
        self.before_applying: Callable[[Action], Outcome | None] = lambda _: None
        self.missing: tuple[str, ...] = ()
        self.unlisted = False
        self._busy = threading.Semaphore(1)

    def feed(self, function: str, messages: int) -> str:
        """Let a queue with `messages` feed `function`, 1 s for each batch; return the mapping."""
        uuid, queue = f"mapping-of-{function}", f"arn:queue-of-{function}"
        self.mappings[uuid] = EventSourceMapping(uuid, f"arn:{uuid}", function, queue, Knobs())
        self.queues[queue] = Queue(queue, messages, 0)
        self.functions[function] = FunctionFacts(function, 30, duration_s=30.0)
        return uuid

    def allowed(self, uuid: str) -> int | None:
        """What the mapping's MaximumConcurrency is."""
        return self.mappings[uuid].knobs.max_concurrency

    def observe(
        self,
        scopes: Mapping[str, ScopeCount],
        at_s: float,
        peaks: Sequence[int] = (),  # noqa: ARG002 - nothing here is ungoverned
        *,
        quota: bool = True,
        every_original: bool = False,  # noqa: ARG002 - nothing here is behind
    ) -> Observed:
        """Return the account as it is."""
        assert self._busy.acquire(blocking=False), "two at once"
        try:
            self.before_observing()
            self.calls["observe", "with quota" if quota else "ok"] += 1
            mappings = None if self.unlisted else tuple(self.mappings.values())
            return Observed(
                at_s,
                self.facts,
                mappings,
                dict(self.queues),
                dict(self.functions),
                scopes,
                0,
                self.missing,
            )
        finally:
            self.cycles += 1
            self._busy.release()

    def apply(self, action: Action, until_s: float) -> Outcome:  # noqa: ARG002 - it takes no time
        """Do it, unless `before_applying` knows better."""
        assert self._busy.acquire(blocking=False), "two at once"
        try:
            self.calls["apply", "ok"] += 1
            outcome = self.before_applying(action)
            if outcome is None:
                self._take(action)
                self.applied.append(action)
            return outcome or DONE
        finally:
            self._busy.release()

    def _take(self, action: Action) -> None:
        match action:
            case Turn(mapping=uuid, after=after, original=original):
                tag = None if action.restores else original
                self.mappings[uuid] = replace(self.mappings[uuid], knobs=after, original=tag)
            case Brake(function=name, after=reserved):
                self.functions[name] = replace(self.functions[name], reserved=reserved)
            case AskForMore():
                pass
