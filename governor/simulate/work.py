"""Invocations, and the functions that they are of."""

from array import array
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from governor.model import Priority
from governor.simulate.arrivals import Burst
from governor.simulate.durations import one_by_one, sampler, stream
from governor.simulate.pool import Pool
from governor.simulate.scenario import Function, FunctionEntry, Scenario

if TYPE_CHECKING:
    from governor.simulate.sqs import Message

NEW_ENVIRONMENTS: Final = 1000
"""A function gets so many new environments …"""

NEW_ENVIRONMENTS_S: Final = 10.0
"""… in this time (Lambda developer guide, scaling rate); what it does not use is not saved up."""


class Invocation:
    """A request, an event or a batch of messages, from its arrival until it is done with.

    It is the same one at each attempt. `began_s`: since when it has its slot. `ready_s`: since when
    its environment runs its code.
    """

    __slots__ = (
        "arrived_s",
        "attempt",
        "began_s",
        "burst",
        "fails",
        "function",
        "id",
        "messages",
        "ready_s",
        "takes_s",
    )

    def __init__(
        self, function: "Running", arrived_s: float, takes_s: float, burst: Burst | None
    ) -> None:
        """Begin with the first attempt."""
        self.function = function
        self.arrived_s = arrived_s
        self.takes_s = takes_s
        self.burst = burst
        self.attempt = 1
        self.messages: list[Message] | None = None
        self.fails = False
        self.began_s = self.ready_s = arrived_s
        self.id = ""


class Source(Protocol):
    """Where a function's invocations come from, and what becomes of those that don't succeed."""

    def receive(self, takes_s: float, burst: Burst | None) -> None:
        """Take an arrival."""

    def done(self, invocation: Invocation) -> None:
        """Its handler has come to its end."""

    def failed(self, invocation: Invocation) -> None:
        """Its handler has failed, or run into the timeout."""

    def denied(self, invocation: Invocation) -> None:
        """The governor has denied it."""


class Tally:
    """What is counted of a function."""

    __slots__ = (
        "arrived",
        "cold_starts",
        "dead",
        "dead_denied",
        "denied",
        "done",
        "failed",
        "invocations",
        "latency_s",
        "lost",
        "overruns",
        "refused",
        "slot_s",
        "throttled",
        "took",
        "took_s",
    )

    def __init__(self) -> None:
        """Begin at nothing."""
        self.arrived = 0
        """Requests, events, messages; each is then `done`, `lost`, `dead` or still on its way."""
        self.done = 0
        self.lost = 0
        """Given up: requests after their retries, events after theirs."""
        self.dead = 0
        """Messages in the dead-letter queue."""
        self.dead_denied = 0
        """Those of them that the governor had denied at least once."""
        self.invocations = 0
        """Those that AWS gave a slot, denied ones too."""
        self.cold_starts = 0
        self.failed = 0
        self.throttled = 0
        """Invocations that AWS refused."""
        self.denied = 0
        """Invocations that the governor refused."""
        self.overruns = 0
        self.refused = 0
        """Arrivals that either refused, at whatever attempt."""
        self.slot_s = 0.0
        self.took = 0
        self.took_s = 0.0
        """Durations as CloudWatch has them: from when the environment runs."""
        self.latency_s = array("d")
        """From arrival to the end, of what was done."""


class Running:
    """A function in the simulated account."""

    __slots__ = (
        "chances",
        "cold_s",
        "entry",
        "error_rate",
        "family",
        "fresh",
        "fresh_since_s",
        "idle",
        "in_use",
        "name",
        "pool",
        "source",
        "tally",
        "timeout_s",
        "user_facing",
    )

    source: Source

    def __init__(self, scenario: Scenario, function: Function, pool: Pool, seed: int) -> None:
        """Draw on `pool`; the source comes later."""
        self.name = function.name
        self.family = function.family
        self.entry: FunctionEntry = function.entry
        self.user_facing = function.entry.priority is Priority.USER_FACING
        self.pool = pool
        self.in_use = 0
        self.idle: deque[float] = deque()
        """Since when each warm environment is idle; the newest, at the end, is used first."""
        self.fresh = 0
        """New environments since `fresh_since_s`."""
        self.fresh_since_s = 0.0
        self.timeout_s = function.entry.timeout_s
        self.error_rate = function.entry.error_rate
        self.tally = Tally()
        cold = stream(seed, function.name, "cold starts")
        self.cold_s = one_by_one(sampler(function.entry.cold_start, cold, scenario.folder))
        chance = stream(seed, function.name, "errors")
        self.chances: Iterator[float] = one_by_one(chance.random)

    def may_begin_new(self, now_s: float) -> bool:
        """Whether AWS gives it another new environment now, counted if so."""
        if now_s >= self.fresh_since_s + NEW_ENVIRONMENTS_S:
            self.fresh_since_s, self.fresh = now_s, 0
        if self.fresh >= NEW_ENVIRONMENTS:
            return False
        self.fresh += 1
        return True
