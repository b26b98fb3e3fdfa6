"""The controller's cycles on simulated time: its own plan, its own memory, at its own pace."""

from collections import Counter
from collections.abc import Mapping

from governor.controller.actions import Action, Result
from governor.controller.cycle import sent
from governor.controller.learn import learned
from governor.controller.memory import Memory
from governor.controller.pace import Due, Pace, Rhythm
from governor.controller.plan import Plan, plan
from governor.controller.survey import before_headroom
from governor.model import ACCOUNT
from governor.policy import Policy
from governor.resolver import Resolver
from governor.simulate.account import SimulatedAccount
from governor.simulate.gates import EPOCH_S, Ledgered
from governor.simulate.timeline import Timeline


class Control:
    """Does what the live loop does, but for what can't go wrong here: leadership, outages."""

    def __init__(
        self, timeline: Timeline, gate: Ledgered, account: SimulatedAccount, policy: Policy
    ) -> None:
        """Hold `account` to `policy`, going by the counts of the gate's ledger."""
        self.plan = Plan()
        """The last one."""
        self.done: list[tuple[float, Action]] = []
        """What was carried out, and when (s)."""
        self._timeline = timeline
        self._ledger = gate.ledger
        self._gate = gate
        self.account = account
        self._policy = policy
        self._before_headroom = before_headroom(policy)
        self._memory = Memory()
        self._rhythm = Rhythm(Pace())

    @property
    def calls(self) -> Mapping[tuple[str, str], int]:
        """Calls to AWS so far, by operation and outcome."""
        return Counter(self.account.calls)

    def begin(self) -> None:
        """Begin with a cycle."""
        self._look(None)

    def _look(self, _: None) -> None:
        now_s = self._timeline.now_s
        due = self._rhythm.due(now_s)
        if due is Due.NOW or (due is Due.IF_URGENT and self._headroom_is_eaten_into()):
            self._cycle()
            self._rhythm.ran(now_s, now_s)
        self._timeline.at(self._rhythm.next_look_s(now_s), self._look, None)

    def _headroom_is_eaten_into(self) -> bool:
        in_use = self._ledger.in_use(self._before_headroom)
        return any(in_use[scope] > most for scope, most in self._before_headroom.items())

    def _cycle(self) -> None:
        ledger = self._ledger
        at_s = EPOCH_S + self._timeline.now_s
        ledger.exchange((), self._gate.now_ms)
        observed = self.account.observe(ledger.counts(), at_s, ledger.peaks(ACCOUNT))
        self.plan = planned = plan(ledger.resolver, observed, self._memory)
        facts = learned(ledger.resolver.facts, observed)
        if facts != ledger.resolver.facts:
            ledger.resolver = Resolver(self._policy, facts)
        self._memory = planned.unsent
        for action in planned.actions:
            if self.account.apply(action).result is Result.DONE:
                self._memory = sent(self._memory, action, planned.memory)
                self.done.append((self._timeline.now_s, action))
