"""A scenario under one policy: the account's parts, put together, and time passing in it."""

from collections.abc import Callable
from typing import Final

from governor.controller.observed import Knobs
from governor.model import Priority
from governor.resolver import Resolver
from governor.simulate.account import SimulatedAccount
from governor.simulate.arrivals import Traffic
from governor.simulate.aws_lambda import Lambda
from governor.simulate.control import Control
from governor.simulate.gates import Gate, Ledgered, Omniscient, Open
from governor.simulate.pool import Pool
from governor.simulate.scenario import (
    ApiSource,
    AsyncSource,
    FunctionEntry,
    PolicyName,
    Scenario,
    SqsSource,
)
from governor.simulate.series import Recorder
from governor.simulate.sources import Callers, Events
from governor.simulate.sqs import Queue
from governor.simulate.timeline import Timeline
from governor.simulate.work import Running, Source

_ENDLESS: Final = 10**9
_DRAIN_STEP_S: Final = 10.0
"""After the last arrival, how often it is looked whether all is done."""

Tell = Callable[[float], None]
"""Is told how far a run has come, in simulated seconds."""


class World:
    """An account with a scenario's functions; what differs between the policies is decided here."""

    def __init__(self, scenario: Scenario, policy: PolicyName, seed: int) -> None:
        """Build it; nothing has arrived yet."""
        self.scenario = scenario
        self.policy = policy
        self.timeline = Timeline()
        self.traffic = Traffic(scenario, seed)
        self.queues: dict[str, Queue] = {}
        self.account_pool = Pool(scenario.head.account.limit)
        self._aside = Pool(_ENDLESS)
        resolver = Resolver(scenario.policy)
        self.gate = self._gate(resolver)
        self._platform = self._lambda(self.gate)
        self.functions = [
            Running(scenario, each, self._pool_for(each.entry), seed) for each in scenario.functions
        ]
        for function in self.functions:
            function.source = self._source(function)
        self.control: Control | None = None
        if isinstance(self.gate, Ledgered):
            self.gate.resume = self._platform.granted
            account = SimulatedAccount(
                self.timeline, self.account_pool, self.functions, self.queues
            )
            self.control = Control(self.timeline, self.gate, account, scenario.policy)
        self._user_facing = {each.name for each in self.functions if each.user_facing}
        self.recorder = Recorder(self)

    def is_user_facing(self, function: str) -> bool:
        """Whether users wait for the function of that name."""
        return function in self._user_facing

    @property
    def outstanding(self) -> int:
        """What has arrived and is neither done nor given up."""
        tallies = [function.tally for function in self.functions]
        return sum(each.arrived - each.done - each.lost - each.dead for each in tallies)

    def run(self, tell: Tell) -> None:
        """Let everything arrive, and go on until all is done, or `drain_s` are over."""
        receivers = [function.source.receive for function in self.functions]
        self.recorder.begin()
        if self.control is not None:
            self.control.begin()
        for until_s, arrivals in self.traffic.windows():
            self.timeline.play(arrivals, receivers)
            self.timeline.run(until_s)
            tell(min(until_s, self.scenario.head.length_s))
        end_s = self.timeline.now_s + self.scenario.head.drain_s
        while self.outstanding and self.timeline.now_s < end_s:
            self.timeline.run(self.timeline.now_s + _DRAIN_STEP_S)

    def _gate(self, resolver: Resolver) -> Gate:
        match self.policy:
            case "governor":
                check_in_s = self.scenario.head.governor.check_in_ms / 1000
                return Ledgered(self.timeline, resolver, check_in_s)
            case "oracle":
                return Omniscient(resolver, self.account_pool)
            case _:
                return Open()

    def _lambda(self, gate: Gate) -> Lambda:
        head = self.scenario.head
        denied_s = head.governor.denied_ms / 1000
        return Lambda(self.timeline, gate, head.account.keep_warm_s, denied_s)

    def _pool_for(self, entry: FunctionEntry) -> Pool:
        if self.policy == "reserved" and entry.reserved is not None:
            self.account_pool.limit -= entry.reserved
            return Pool(entry.reserved)
        if self.policy == "oracle" and entry.priority is Priority.BACKGROUND:
            return self._aside  # it is only let in where there is room
        return self.account_pool

    def _source(self, function: Running) -> Source:
        match function.entry.source:
            case ApiSource() as source:
                return Callers(self._platform, function, source)
            case AsyncSource():
                return Events(self._platform, function)
            case SqsSource() as source:
                queue = Queue(self._platform, function, source)
                if self.policy == "sqs-max" and function.entry.sqs_max is not None:
                    limit, size = function.entry.sqs_max, source.batch_size
                    queue.turn(Knobs(max_concurrency=limit, batch_size=size))
                self.queues[function.name] = queue
                return queue
