"""The ledger's rules once more, in plain Python over dictionaries: pure, for one process.

What the Redis functions are tested against, and what the simulator runs on.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from governor.ledger.stakes import Counted, Stake, Stakes
from governor.model import (
    Acquire,
    Answer,
    Claim,
    Denied,
    Granted,
    Lease,
    Operation,
    Priority,
    Release,
    Released,
    Renew,
    Renewed,
    ScopeCount,
    Waiting,
)
from governor.resolver import Resolver

BUCKET_MS: Final = 10_000
QUEUE_GRACE_MS: Final = 1000
HANDOVER_MS: Final = 2000
MOST_RELEASED: Final = 20_000
"""So many released ids are remembered, the last ones."""


class Queued(Struct, frozen=True):
    """An acquire that waits. `ticket` orders those of one priority."""

    acquire: Acquire
    claim: Claim
    version: str
    """The policy's, by which `claim` was made: under another one the waiter must ask again."""
    ticket: int
    denied_by: str
    ends_at_ms: int


class ReferenceLedger:
    """The ledger of one pool; the caller brings the time (ms), which never runs backwards."""

    def __init__(self, resolver: Resolver) -> None:
        """Start an empty ledger under the policy of `resolver`, which may be replaced."""
        self.resolver = resolver
        self.leases: dict[str, Lease] = {}
        self.queue: dict[str, Queued] = {}
        self.woken: list[Granted] = []
        """Grants to waiting acquires, oldest first; the caller takes them out."""
        self.given_up: list[str] = []
        """Waiting acquires that were released, oldest first; likewise."""
        self._scopes: dict[str, Counted] = {}
        self._stakes: dict[str, Stakes] = {}
        self._ends: list[tuple[int, str]] = []
        """A heap of when leases and waits end; of one that was renewed or is over, too."""
        self._released: OrderedDict[str, None] = OrderedDict()
        self._tickets = 0
        self._now_ms = 0

    def exchange(self, operations: Sequence[Operation], now_ms: int) -> list[Answer]:
        """Perform `operations` at `now_ms`, in their order, after ending what has expired."""
        self._now_ms = now_ms
        while self._ends and self._ends[0][0] <= now_ms:
            ends_at_ms, id_ = heappop(self._ends)
            if ends_at_ms == self._ends_at(id_):
                self._end(id_, expired=True)
        return [self._perform(operation) for operation in operations]

    def counts(self) -> dict[str, ScopeCount]:
        """Return what is counted in each scope that was ever used."""
        bucket = self._now_ms // BUCKET_MS
        return {
            name: scope.reported(bucket)
            for name, scope in self._scopes.items()
            if scope.granted or scope.denied or scope.overruns
        }

    def in_use(self, scopes: Iterable[str]) -> dict[str, int]:
        """Return what counts in each of `scopes`."""
        found = {name: self._scopes.get(name) for name in scopes}
        return {name: scope.in_use if scope else 0 for name, scope in found.items()}

    def peaks(self, scope: str) -> list[int]:
        """Return the highest in_use of `scope` in each 10 s of the last hour, oldest first."""
        return self._scopes.get(scope, Counted()).hour(self._now_ms // BUCKET_MS)

    def _perform(self, operation: Operation) -> Answer:
        match operation:
            case Acquire():
                return self._acquire(operation)
            case Release(id):
                return self._release(id)
            case Renew():
                return self._renew(operation)

    def _acquire(self, acquire: Acquire) -> Answer:
        if lease := self.leases.get(acquire.id):
            scopes = tuple(lease.weights)
            return Granted(
                lease.id, lease.function, scopes, lease.expires_at_ms, lease.overrun, replayed=True
            )
        queued = self.queue.pop(acquire.id, None)
        answer = self._decide(acquire, queued)
        if queued:
            self._serve(queued.denied_by)
        return answer

    def _decide(self, acquire: Acquire, queued: Queued | None) -> Answer:
        stakes = self._stakes_of(acquire.function)
        denier, shadow = stakes.verdict()
        if denier is None:
            return self._grant(acquire, stakes, shadow, overrun=False)
        if _is_last_attempt(acquire, stakes.claim):
            return self._grant(acquire, stakes, shadow, overrun=True)
        if acquire.wait_ms:
            self._enqueue(acquire, stakes.claim, denier.name, queued)
            return Waiting(denier.name)
        denier.scope.denied += 1
        return Denied(denier.name, denier.scope.in_use, stakes.claim.limits_of(denier.name))

    def _renew(self, renew: Renew) -> Answer:
        ends_at_ms = self._now_ms + renew.ttl_ms
        if lease := self.leases.get(renew.id):
            if ends_at_ms > lease.expires_at_ms:
                self.leases[renew.id] = replace(lease, expires_at_ms=ends_at_ms)
                heappush(self._ends, (ends_at_ms, renew.id))
            return Renewed(max(lease.expires_at_ms, ends_at_ms))
        if renew.id in self._released or renew.id in self.queue:
            return Renewed(self._now_ms)
        self._hold(renew.id, self._stakes_of(renew.function), ends_at_ms, overrun=True)
        return Renewed(ends_at_ms, reinstated=True)

    def _release(self, id_: str) -> Answer:
        released = self._released
        released[id_] = None
        if len(released) > MOST_RELEASED:
            released.popitem(last=False)
        if id_ in self.queue:
            self.given_up.append(id_)
        lease = self._end(id_)
        return Released(lease.function if lease else None)

    def _stakes_of(self, function: str) -> Stakes:
        claim, known = self.resolver.claim(function), self._stakes.get(function)
        if known is not None and known.claim is claim:
            return known
        known = self._stakes[function] = Stakes.of(claim, self._scopes)
        return known

    def _grant(
        self, acquire: Acquire, stakes: Stakes, shadow: Stake | None, *, overrun: bool
    ) -> Granted:
        ends_at_ms = self._now_ms + acquire.ttl_ms
        self._hold(acquire.id, stakes, ends_at_ms, overrun=overrun)
        for each in stakes.all:
            each.scope.granted += 1
        if shadow is not None:
            shadow.scope.shadow_denied += 1
        return Granted(
            acquire.id,
            acquire.function,
            stakes.claim.scopes,
            ends_at_ms,
            overrun,
            shadow_denied_by=shadow.name if shadow else None,
        )

    def _hold(self, id_: str, stakes: Stakes, ends_at_ms: int, *, overrun: bool) -> None:
        bucket = self._now_ms // BUCKET_MS
        for each in stakes.all:
            each.scope.hold(each.weight, bucket)
            if overrun:
                each.scope.overruns += 1
        function = stakes.claim.function
        self.leases[id_] = Lease(id_, function, self._now_ms, ends_at_ms, overrun, stakes.weights)
        heappush(self._ends, (ends_at_ms, id_))

    def _end(self, id_: str, *, expired: bool = False) -> Lease | None:
        """Give back what a lease holds, or its place in the queue (rule 5: one code path)."""
        if self.queue and (queued := self.queue.pop(id_, None)):
            self._serve(queued.denied_by)
        lease = self.leases.pop(id_, None)
        if lease is None:
            return None
        bucket = self._now_ms // BUCKET_MS
        for name, weight in lease.weights.items():
            scope = self._scopes[name]
            scope.hold(-weight, bucket)
            if expired:
                scope.expired += 1
        for name in lease.weights if self.queue else ():
            self._serve(name)
        return lease

    def _enqueue(
        self, acquire: Acquire, claim: Claim, denied_by: str, before: Queued | None
    ) -> None:
        self._tickets += 1
        ends_at_ms = self._now_ms + acquire.wait_ms + QUEUE_GRACE_MS
        self.queue[acquire.id] = Queued(
            acquire,
            claim,
            self.resolver.version,
            before.ticket if before else self._tickets,
            denied_by,
            ends_at_ms,
        )
        heappush(self._ends, (ends_at_ms, acquire.id))

    def _serve(self, scope: str) -> None:
        """Grant to whom `scope` had denied, until one is denied by it again (rule 12)."""
        while waiting := [
            queued for queued in self.queue.values() if self._can_be_served(queued, scope)
        ]:
            first = min(waiting, key=_place)
            stakes = self._stakes_of(first.acquire.function)
            denier, shadow = stakes.verdict()
            if denier is not None and denier.name == scope:
                return
            if denier is not None:
                self.queue[first.acquire.id] = replace(first, denied_by=denier.name)
                continue
            del self.queue[first.acquire.id]
            acquire = replace(first.acquire, ttl_ms=HANDOVER_MS)
            self.woken.append(self._grant(acquire, stakes, shadow, overrun=False))

    def _can_be_served(self, queued: Queued, scope: str) -> bool:
        return (
            queued.denied_by == scope
            and queued.ends_at_ms > self._now_ms
            and queued.version == self.resolver.version
        )

    def _ends_at(self, id_: str) -> int | None:
        if lease := self.leases.get(id_):
            return lease.expires_at_ms
        queued = self.queue.get(id_)
        return queued.ends_at_ms if queued else None


def _is_last_attempt(acquire: Acquire, claim: Claim) -> bool:
    """Whether rule 13 holds: denying this attempt would lose its message."""
    return claim.max_attempts is not None and acquire.attempt >= claim.max_attempts


def _place(queued: Queued) -> tuple[bool, int]:
    return queued.claim.priority is Priority.BACKGROUND, queued.ticket
