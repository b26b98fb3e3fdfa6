"""Who decides whether an invocation may run: nobody, the ledger, or one who knows all."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from governor.ledger.reference import ReferenceLedger
from governor.model import ACCOUNT, Acquire, Denied, Granted, Release, Renew
from governor.resolver import Resolver
from governor.simulate.pool import Pool
from governor.simulate.scenario import ApiSource, AsyncSource
from governor.simulate.timeline import Timeline
from governor.simulate.work import Invocation, Running

EPOCH_S: Final = 1_700_000_100
"""When simulations begin, in seconds since 1970: at the begin of a minute."""

GRACE_MS: Final = 2000
"""What a lease outlives its invocation by at least: none is lost here, so none has to expire."""

ASKING_MS: Final = 200
"""The layer's GOVERNOR_TIMEOUT_MS; that much is not waited for."""


class Verdict(Enum):
    """What becomes of an invocation; one that waits is granted later."""

    GRANTED = "granted"
    DENIED = "denied"
    WAITS = "waits"


_GRANTED: Final = Verdict.GRANTED


class Gate(Protocol):
    """Is asked when an environment is about to run an invocation's handler, and told when it has.

    `check_in_s` is what asking takes.
    """

    check_in_s: float

    def enter(self, invocation: Invocation) -> Verdict:
        """Say whether it may run."""

    def leave(self, invocation: Invocation) -> None:
        """Know that it has ended, and that its slot is free."""

    def lets(self, function: Running, poll: Callable[[], None]) -> bool:
        """Whether a queue should be read for `function` now; if not, `poll` is called later."""


class Open:
    """No governor: all may run, as far as AWS lets them."""

    check_in_s = 0.0

    def enter(self, invocation: Invocation) -> Verdict:  # noqa: ARG002 - see `Gate`
        """Let it run."""
        return Verdict.GRANTED

    def leave(self, invocation: Invocation) -> None:
        """Take no note."""

    def lets(self, function: Running, poll: Callable[[], None]) -> bool:  # noqa: ARG002
        """Read all queues."""
        return True


class Ledgered:
    """The governor: the layer's part towards the reference ledger.

    Whoever is denied is told; but events that Lambda would drop after two retries wait, for half of
    the time that they have left, and then run as overruns (`GOVERNOR_ON_DENIED=auto`).
    """

    def __init__(self, timeline: Timeline, resolver: Resolver, check_in_s: float) -> None:
        """Start with an empty ledger."""
        self.ledger = ReferenceLedger(resolver)
        self.check_in_s = check_in_s
        self.resume: Callable[[Invocation], None] | None = None
        """Runs an invocation that has waited."""
        self._timeline = timeline
        self._number = 0
        self._waiting: dict[str, Invocation] = {}

    @property
    def now_ms(self) -> int:
        """The store's time."""
        return int((EPOCH_S + self._timeline.now_s) * 1000)

    def enter(self, invocation: Invocation) -> Verdict:
        """Check in."""
        self._number = number = self._number + 1
        invocation.id = id_ = str(number)
        function = invocation.function
        waits_ms = 0
        if type(function.entry.source) is AsyncSource:
            waits_ms = max(0, int(function.timeout_s * 1000 - ASKING_MS) // 2)
        ttl_ms = int(invocation.takes_s * 1000) + GRACE_MS
        acquire = Acquire(id_, function.name, ttl_ms, invocation.attempt, waits_ms)
        now_ms = int((EPOCH_S + self._timeline.now_s) * 1000)
        answer = self.ledger.exchange((acquire,), now_ms)[0]
        if type(answer) is Granted:
            if answer.overrun:
                function.tally.overruns += 1
            return _GRANTED
        if type(answer) is Denied:
            return Verdict.DENIED
        self._waiting[id_] = invocation
        self._timeline.at(self._timeline.now_s + waits_ms / 1000, self._give_up, id_)
        return Verdict.WAITS

    def leave(self, invocation: Invocation) -> None:
        """Check out; who waits for that goes on."""
        now_ms = int((EPOCH_S + self._timeline.now_s) * 1000)
        self.ledger.exchange((Release(invocation.id),), now_ms)
        if self.ledger.woken:
            self.wake()

    def lets(self, function: Running, poll: Callable[[], None]) -> bool:  # noqa: ARG002
        """Read all queues: what is too much is denied."""
        return True

    def wake(self) -> None:
        """Let those run that the ledger has granted to meanwhile."""
        woken, self.ledger.woken = self.ledger.woken, []
        for granted in woken:
            self._go_on(self._waiting.pop(granted.id))

    def _give_up(self, id_: str) -> None:
        """Ask once more after the wait; denied again, it runs as an overrun."""
        invocation = self._waiting.pop(id_, None)
        if invocation is not None:
            function = invocation.function
            acquire = Acquire(id_, function.name, _ttl_ms(invocation), invocation.attempt)
            answer = self.ledger.exchange((acquire,), self.now_ms)[0]
            function.tally.overruns += type(answer) is Denied
            self._go_on(invocation)

    def _go_on(self, invocation: Invocation) -> None:
        """Take over a lease; one that was never granted is an overrun then."""
        renew = Renew(invocation.id, invocation.function.name, _ttl_ms(invocation))
        self.ledger.exchange((renew,), self.now_ms)
        assert self.resume is not None  # noqa: S101 - set when the world is built
        self.resume(invocation)


def _ttl_ms(invocation: Invocation) -> int:
    return int(invocation.takes_s * 1000) + GRACE_MS


class Omniscient:
    """One who knows what will come: background work gets exactly what user-facing traffic leaves.

    User-facing functions have every scope for themselves, as if there were no background work. What
    that starts fits at its start under what user-facing work uses at that instant; what these need
    later it has known and made room for. So this is a bound, and nothing that could be built.
    """

    check_in_s = 0.0

    def __init__(self, resolver: Resolver, account: Pool) -> None:
        """Go by the limits of `resolver`; `account` is what user-facing functions draw on."""
        self._resolver = resolver
        self._account = account
        self._users: Counter[str] = Counter()
        self._background: Counter[str] = Counter()
        self._parked: dict[str, Callable[[], None]] = {}

    def enter(self, invocation: Invocation) -> Verdict:
        """Let run what was let before, and callers as far as there is room."""
        function = invocation.function
        if type(function.entry.source) is ApiSource and not self._has_room(function):
            return Verdict.DENIED
        use = self._users if function.user_facing else self._background
        for hold in self._resolver.claim(function.name).holds:
            use[hold.scope] += hold.weight
        return Verdict.GRANTED

    def leave(self, invocation: Invocation) -> None:
        """Take note, and let those read their queues who could not."""
        function = invocation.function
        use = self._users if function.user_facing else self._background
        for hold in self._resolver.claim(function.name).holds:
            use[hold.scope] -= hold.weight
        for name in list(self._parked):
            if self._is_full():
                break
            self._parked.pop(name)()  # who still has to wait parks again, at the end of the line

    def lets(self, function: Running, poll: Callable[[], None]) -> bool:
        """Whether there is room for one more; if not, its queue is read when there may be."""
        has_room = self._has_room(function)
        if not has_room:
            self._parked[function.name] = poll
        return has_room

    def _has_room(self, function: Running) -> bool:
        """Whether one more fits: of users' beside users', of the rest below what these leave."""
        background = not function.user_facing
        for hold in self._resolver.claim(function.name).holds:
            limit = hold.limits.max_concurrency
            used = self._users[hold.scope] + background * self._background[hold.scope]
            if limit is not None and used + hold.weight > limit:
                return False
        return not (background and self._is_full())

    def _is_full(self) -> bool:
        return self._account.in_use + self._background[ACCOUNT] >= self._account.limit
