"""What a source's traffic needs when nothing is denied: peaks, and how fast users come. Pure."""

from collections import Counter, defaultdict, deque
from typing import Final

from governor.facts import PRIORITY
from governor.model import ACCOUNT, Priority
from governor.policy import Policy
from governor.replay.course import Course, Event, Kind
from governor.replay.trace import Chapter, Source, Step
from governor.replay.verdicts import Watch
from governor.resolver import Resolver

CHANGE_TAKES_S: Final = 60
"""A change of a mapping's MaximumConcurrency holds after about a minute."""

Holds = tuple[tuple[str, int], ...]
"""Scopes and weights."""

_USERS: Final = "user-facing"
"""Counted like a scope."""


class Observed:
    """Peaks by scope, and the largest rise of what is user-facing within a minute."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.chapter = Chapter()
        self.arrivals: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()
        self.members: defaultdict[str, set[str]] = defaultdict(set)
        """Functions that were seen to hold in a scope."""
        self.user_facing = Rise()
        """Of those that draw on the shared pool."""
        self._in_use: Counter[str] = Counter()
        self._resolver = Resolver(Policy())
        self._claims: dict[str, Holds] = {}
        self._holds: dict[int, Holds] = {}

    def see(self, step: Step, events: list[Event]) -> None:
        """Let what happens in `step` happen."""
        if step.chapter is not self.chapter:
            self.chapter = step.chapter
            self._resolver = Resolver(step.chapter.policy, step.chapter.facts)
            self._claims.clear()
        for event in events:
            if event.kind is Kind.GOES:
                for scope, weight in self._holds.pop(event.serial):
                    self._move(scope, -weight, event.at_ms)
            else:
                self.arrivals[event.function] += event.kind is Kind.COMES
                self._holds[event.serial] = holds = self._claimed(event.function)
                for scope, weight in holds:
                    self._move(scope, weight, event.at_ms)

    @property
    def effective(self) -> Policy:
        """The policy of the last chapter, with what functions wish for in tags."""
        return self._resolver.effective

    def priority_of(self, function: str) -> tuple[Priority, str]:
        """Return the priority that suits a function, and why."""
        own = self.chapter.policy.functions.get(function)
        if own is not None and own.priority is not None:
            return own.priority, "as in the recorded policy"
        wishing = self.effective.functions.get(function)
        if wishing is not None and wishing.priority is not None:
            return wishing.priority, f"its tag {PRIORITY}, which the recorded policy trusts"
        if function in self.chapter.facts.max_attempts or function in self.chapter.queue_fed:
            return Priority.BACKGROUND, "a queue feeds it"
        return self.effective.defaults.priority, "the default: no queue is known to feed it"

    def _claimed(self, function: str) -> Holds:
        if (known := self._claims.get(function)) is not None:
            return known
        claim = self._resolver.claim(function)
        holds = tuple((hold.scope, hold.weight) for hold in claim.holds)
        for scope, _ in holds:
            self.members[scope].add(function)
        is_users = self.priority_of(function)[0] is Priority.USER_FACING
        if is_users and ACCOUNT in claim.scopes:
            holds = (*holds, (_USERS, 1))
        self._claims[function] = holds
        return holds

    def _move(self, scope: str, weight: int, at_ms: int) -> None:
        in_use = self._in_use[scope] = self._in_use[scope] + weight
        if scope == _USERS:
            self.user_facing.move(in_use, at_ms)
        elif in_use > self.peaks[scope]:
            self.peaks[scope] = in_use


class Rise:
    """Finds how far a number rises within `CHANGE_TAKES_S`, and its peak."""

    def __init__(self) -> None:
        """Start at 0."""
        self.peak = self.highest = 0
        self._value = self._least = 0
        self._second = 0
        self._lows: deque[tuple[int, int]] = deque()
        """Second and its least; those that a later one undercuts are gone."""

    def move(self, value: int, at_ms: int) -> None:
        """The number is `value` from `at_ms` on; times never run backwards."""
        if (second := at_ms // 1000) != self._second:
            while self._lows and self._lows[-1][1] >= self._least:
                self._lows.pop()
            self._lows.append((self._second, self._least))
            while self._lows and self._lows[0][0] <= second - CHANGE_TAKES_S:
                self._lows.popleft()
            self._second, self._least = second, self._value
        self._value = value
        self._least = min(self._least, value)
        lowest = min(self._lows[0][1], self._least) if self._lows else self._least
        self.highest = max(self.highest, value - lowest)
        self.peak = max(self.peak, value)


def observe(source: Source, watch: Watch = lambda _: None) -> Observed:
    """Play `source`; `watch` sees each step. Raises `InvalidInputError`."""
    course, observed = Course(), Observed()
    for step in source.steps():
        watch(step)
        observed.see(step, course.events(step))
    return observed
