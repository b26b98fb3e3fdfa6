"""One policy on the traffic of a record: the ledger's own rules decide. Pure."""

from heapq import heappop, heappush
from typing import Final, Literal

from msgspec.structs import replace

from governor.ledger.reference import ReferenceLedger
from governor.model import Acquire, Answer, Denied, Granted, Mode, Operation, Release, Renew
from governor.policy import Policy
from governor.replay.course import Event, Kind
from governor.replay.tally import Tally
from governor.replay.trace import Chapter
from governor.resolver import Resolver

TTL_MS: Final = 30_000
"""As the layer's leases: those of longer invocations are renewed."""

RENEW_AFTER_MS: Final = 10_000

PEAKS_EVERY_MS: Final = 3_500_000
"""The ledger knows the peaks of its last hour."""

Due = Literal["renew", "give up", "go"]


class Trial:
    """Lets invocations check in to a ledger of its own, and tallies what they are answered.

    A denied invocation waits for up to `wait_ms`; one that is denied then does not come again.
    """

    def __init__(self, name: str, policy: Policy | None, wait_ms: int = 0) -> None:
        """Try `policy`, or the one that each chapter of the record was made under."""
        self.tally = Tally(name)
        self._policy = policy
        self._wait_ms = wait_ms
        self._chapter: Chapter | None = None
        self._ledger = ReferenceLedger(Resolver(policy or Policy()))
        self._held: set[str] = set()
        self._came: dict[str, int] = {}
        """When those came who wait."""
        self._went: dict[str, int] = {}
        """When those would have gone who still wait."""
        self._late_ms: dict[str, int] = {}
        """How long those have waited who run now: they go so much later."""
        self._dues: list[tuple[int, str, str, Due]] = []
        self._peaks_due_ms = 0

    @property
    def resolver(self) -> Resolver:
        """Who is who under the policy, now."""
        return self._ledger.resolver

    def begin(self, chapter: Chapter) -> None:
        """Go by what `chapter` says, from now on."""
        if chapter is not self._chapter:
            self._chapter = chapter
            self._ledger.resolver = Resolver(self._policy or chapter.policy, chapter.facts)

    def take(self, event: Event) -> None:
        """Let one thing happen; events come in order of time."""
        at_ms, _, kind, function, serial = event
        if at_ms >= self._peaks_due_ms:  # first: with this event the ledger may forget
            self._note_peaks()
            self._peaks_due_ms = at_ms + PEAKS_EVERY_MS
        dues = self._dues
        while dues and dues[0][0] <= at_ms:
            due_ms, id_, whose, due = heappop(dues)
            self._meet(due, id_, whose, due_ms)
        id_ = f"{serial}"
        if kind is Kind.GOES:
            self._go(id_, function, at_ms)
        elif kind is Kind.COMES:
            self._come(id_, function, at_ms)
        else:
            self._ask(Renew(id_, function, TTL_MS), at_ms)
            self._run(id_, function, at_ms)

    def finish(self) -> None:
        """Let those who wait still run, or give up: the record is at its end."""
        while self._came:
            due_ms, id_, function, due = heappop(self._dues)
            self._meet(due, id_, function, due_ms)
        self._note_peaks()

    def _note_peaks(self) -> None:
        self.tally.note_peaks({name: each.peak for name, each in self._ledger.counts().items()})

    def _come(self, id_: str, function: str, at_ms: int) -> None:
        self.tally.came(function, at_ms)
        answer = self._ask(Acquire(id_, function, TTL_MS, wait_ms=self._wait_ms), at_ms)
        match answer:
            case Granted(shadow_denied_by=shadow):
                self._run(id_, function, at_ms)
                if shadow is not None:
                    self.tally.would_be_denied(function, shadow)
            case Denied(denied_by):
                self.tally.denied(function, denied_by, at_ms)
            case _:
                self._came[id_] = at_ms
                heappush(self._dues, (at_ms + self._wait_ms, id_, function, "give up"))

    def _go(self, id_: str, function: str, at_ms: int) -> None:
        if late_ms := self._late_ms.pop(id_, 0):
            heappush(self._dues, (at_ms + late_ms, id_, function, "go"))
        elif id_ in self._came:
            self._went[id_] = at_ms
        elif id_ in self._held:
            self._held.discard(id_)
            self._ask(Release(id_), at_ms)

    def _meet(self, due: Due, id_: str, function: str, at_ms: int) -> None:
        match due:
            case "renew":
                if id_ in self._held:
                    self._ask(Renew(id_, function, TTL_MS), at_ms)
                    heappush(self._dues, (at_ms + RENEW_AFTER_MS, id_, function, "renew"))
            case "go":
                self._go(id_, function, at_ms)
            case "give up":
                if id_ in self._came:
                    self._give_up(id_, function, at_ms)

    def _give_up(self, id_: str, function: str, at_ms: int) -> None:
        """Ask for the last time, as the service does for one whose time is up."""
        answer = self._ask(Acquire(id_, function, TTL_MS), at_ms)
        if isinstance(answer, Denied):
            waited_ms = at_ms - self._came.pop(id_)
            self._went.pop(id_, None)
            self.tally.gave_up(waited_ms)
            self.tally.denied(function, answer.denied_by, at_ms)
        else:
            self._run_late(id_, function, at_ms)

    def _run(self, id_: str, function: str, at_ms: int) -> None:
        self._held.add(id_)
        heappush(self._dues, (at_ms + RENEW_AFTER_MS, id_, function, "renew"))

    def _run_late(self, id_: str, function: str, at_ms: int) -> None:
        waited_ms = at_ms - self._came.pop(id_)
        self.tally.waited(waited_ms)
        self._run(id_, function, at_ms)
        if (went_ms := self._went.pop(id_, None)) is not None:
            heappush(self._dues, (went_ms + waited_ms, id_, function, "go"))
        elif waited_ms:
            self._late_ms[id_] = waited_ms

    def _ask(self, operation: Operation, at_ms: int) -> Answer:
        (answer,) = self._ledger.exchange((operation,), at_ms)
        while self._ledger.woken:
            woken = self._ledger.woken.pop(0)
            # A grant to one who waited is short until it is taken over.
            self._ledger.exchange((Renew(woken.id, woken.function, TTL_MS),), at_ms)
            self._run_late(woken.id, woken.function, at_ms)
        return answer


def in_mode(policy: Policy, mode: Mode) -> Policy:
    """Return `policy` with every scope in `mode`."""
    return replace(
        policy,
        account=replace(policy.account, mode=mode),
        groups={name: replace(each, mode=mode) for name, each in policy.groups.items()},
        functions={name: replace(each, mode=mode) for name, each in policy.functions.items()},
    )
