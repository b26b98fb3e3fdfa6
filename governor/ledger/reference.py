"""The ledger's rules once more, in plain Python over dictionaries: pure, for one process.

What the Redis functions are tested against, and what the simulator runs on. It favours being
obviously right over being fast: where the store keeps an index, this scans.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from governor.model import (
    Acquire,
    Answer,
    Claim,
    Denied,
    Granted,
    Lease,
    Mode,
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
HOUR_MS: Final = 3_600_000
QUEUE_GRACE_MS: Final = 1000
HANDOVER_MS: Final = 2000


@dataclass(frozen=True, slots=True)
class Queued:
    """An acquire that waits. `ticket` orders those of one priority."""

    acquire: Acquire
    claim: Claim
    version: str
    """The policy's, by which `claim` was made: under another one the waiter must ask again."""
    ticket: int
    denied_by: str
    ends_at_ms: int


@dataclass(slots=True)
class Scope:
    """What is counted in one scope; `peaks` by 10 s bucket."""

    counted: ScopeCount = field(default_factory=ScopeCount)
    peaks: dict[int, int] = field(default_factory=dict)

    def add(self, **amounts: int) -> None:
        """Add to totals and in_use."""
        self.counted = replace(
            self.counted,
            **{name: getattr(self.counted, name) + amount for name, amount in amounts.items()},
        )


class ReferenceLedger:
    """The ledger of one pool; the caller brings the time (ms), which never runs backwards."""

    def __init__(self, resolver: Resolver) -> None:
        """Start an empty ledger under the policy of `resolver`."""
        self.resolver = resolver
        self.leases: dict[str, Lease] = {}
        self.queue: dict[str, Queued] = {}
        self.woken: list[Granted] = []
        """Grants to waiting acquires, oldest first; the caller takes them out."""
        self._scopes: dict[str, Scope] = {}
        self._released: set[str] = set()
        self._tickets = 0
        self._now_ms = 0

    def exchange(self, operations: Sequence[Operation], now_ms: int) -> list[Answer]:
        """Perform `operations` at `now_ms`, in their order, after ending what has expired."""
        self._now_ms = now_ms
        for id_ in sorted(self._expired(), key=lambda id_: (self._ends_at(id_), id_)):
            self._end(id_, expired=True)
        return [self._perform(operation) for operation in operations]

    def counts(self) -> dict[str, ScopeCount]:
        """Return what is counted in each scope that was ever used."""
        return {
            name: replace(scope.counted, peak=self._peak(scope))
            for name, scope in self._scopes.items()
        }

    def _perform(self, operation: Operation) -> Answer:
        match operation:
            case Acquire():
                return self._acquire(operation)
            case Renew():
                return self._renew(operation)
            case Release(id):
                return self._release(id)

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
        claim = self.resolver.claim(acquire.function)
        denied_by, shadow_denied_by = self._verdict(claim)
        if denied_by and not _is_last_attempt(acquire, claim):
            if acquire.wait_ms:
                self._enqueue(acquire, claim, denied_by, queued)
                return Waiting(denied_by)
            self._scope(denied_by).add(denied=1)
            in_use = self._scope(denied_by).counted.in_use
            return Denied(denied_by, in_use, claim.limits_of(denied_by))
        return self._grant(acquire, claim, shadow_denied_by, overrun=denied_by is not None)

    def _renew(self, renew: Renew) -> Answer:
        if lease := self.leases.get(renew.id):
            ends_at_ms = max(lease.expires_at_ms, self._now_ms + renew.ttl_ms)
            self.leases[renew.id] = replace(lease, expires_at_ms=ends_at_ms)
            return Renewed(ends_at_ms)
        if renew.id in self._released or renew.id in self.queue:
            return Renewed(self._now_ms)
        claim = self.resolver.claim(renew.function)
        lease = self._hold(renew.id, claim, renew.ttl_ms, overrun=True)
        return Renewed(lease.expires_at_ms, reinstated=True)

    def _release(self, id_: str) -> Answer:
        self._released.add(id_)
        lease = self.leases.get(id_)
        self._end(id_)
        return Released(lease.function if lease else None)

    def _verdict(self, claim: Claim) -> tuple[str | None, str | None]:
        """The first scope that denies, and the first that would if it were not a shadow."""
        shadow_denied_by = None
        for hold in claim.holds:
            limit = hold.limits.limit_for(claim.priority)
            if limit is None or self._in_use(hold.scope) + hold.weight <= limit:
                continue
            if hold.limits.mode is Mode.ENFORCE:
                return hold.scope, shadow_denied_by
            shadow_denied_by = shadow_denied_by or hold.scope
        return None, shadow_denied_by

    def _grant(
        self, acquire: Acquire, claim: Claim, shadow_denied_by: str | None, *, overrun: bool
    ) -> Granted:
        lease = self._hold(acquire.id, claim, acquire.ttl_ms, overrun=overrun)
        for scope in claim.scopes:
            self._scope(scope).add(granted=1)
        if shadow_denied_by:
            self._scope(shadow_denied_by).add(shadow_denied=1)
        return Granted(
            acquire.id,
            claim.function,
            claim.scopes,
            lease.expires_at_ms,
            overrun,
            shadow_denied_by=shadow_denied_by,
        )

    def _hold(self, id_: str, claim: Claim, ttl_ms: int, *, overrun: bool) -> Lease:
        weights = {hold.scope: hold.weight for hold in claim.holds}
        for scope, weight in weights.items():
            self._add_in_use(scope, weight)
            self._scope(scope).add(overruns=int(overrun))
        lease = Lease(id_, claim.function, self._now_ms, self._now_ms + ttl_ms, overrun, weights)
        self.leases[id_] = lease
        return lease

    def _end(self, id_: str, *, expired: bool = False) -> None:
        """Give back what a lease holds, or its place in the queue (rule 5: one code path)."""
        if queued := self.queue.pop(id_, None):
            self._serve(queued.denied_by)
        lease = self.leases.pop(id_, None)
        if lease is None:
            return
        for scope, weight in lease.weights.items():
            self._add_in_use(scope, -weight)
            self._scope(scope).add(expired=int(expired))
        for scope in lease.weights:
            self._serve(scope)

    def _enqueue(
        self, acquire: Acquire, claim: Claim, denied_by: str, before: Queued | None
    ) -> None:
        self._tickets += 1
        self.queue[acquire.id] = Queued(
            acquire,
            claim,
            self.resolver.version,
            before.ticket if before else self._tickets,
            denied_by,
            self._now_ms + acquire.wait_ms + QUEUE_GRACE_MS,
        )

    def _serve(self, scope: str) -> None:
        """Grant to whom `scope` had denied, until one is denied by it again (rule 12)."""
        while waiting := [
            queued for queued in self.queue.values() if self._can_be_served(queued, scope)
        ]:
            first = min(waiting, key=_place)
            denied_by, shadow_denied_by = self._verdict(first.claim)
            if denied_by == scope:
                return
            if denied_by:
                self.queue[first.acquire.id] = replace(first, denied_by=denied_by)
                continue
            del self.queue[first.acquire.id]
            acquire = replace(first.acquire, ttl_ms=min(first.acquire.ttl_ms, HANDOVER_MS))
            self.woken.append(self._grant(acquire, first.claim, shadow_denied_by, overrun=False))

    def _can_be_served(self, queued: Queued, scope: str) -> bool:
        return (
            queued.denied_by == scope
            and queued.ends_at_ms > self._now_ms
            and queued.version == self.resolver.version
        )

    def _expired(self) -> Iterator[str]:
        for id_ in [*self.leases, *self.queue]:
            if self._ends_at(id_) <= self._now_ms:
                yield id_

    def _ends_at(self, id_: str) -> int:
        lease = self.leases.get(id_)
        return lease.expires_at_ms if lease else self.queue[id_].ends_at_ms

    def _scope(self, name: str) -> Scope:
        return self._scopes.setdefault(name, Scope())

    def _in_use(self, name: str) -> int:
        return self._scopes[name].counted.in_use if name in self._scopes else 0

    def _add_in_use(self, name: str, weight: int) -> None:
        scope = self._scope(name)
        bucket = self._now_ms // BUCKET_MS
        before = scope.counted.in_use
        if scope.peaks:  # what was held all the time since the last change
            for quiet in range(
                max(max(scope.peaks) + 1, bucket - HOUR_MS // BUCKET_MS), bucket + 1
            ):
                scope.peaks[quiet] = before
        scope.add(in_use=weight)
        scope.peaks[bucket] = max(scope.peaks.get(bucket, 0), scope.counted.in_use)

    def _peak(self, scope: Scope) -> int:
        oldest = self._now_ms // BUCKET_MS - HOUR_MS // BUCKET_MS + 1
        recent = [peak for bucket, peak in scope.peaks.items() if bucket >= oldest]
        return max([scope.counted.in_use, *recent])


def _is_last_attempt(acquire: Acquire, claim: Claim) -> bool:
    """Whether rule 13 holds: denying this attempt would lose its message."""
    return claim.max_attempts is not None and acquire.attempt >= claim.max_attempts


def _place(queued: Queued) -> tuple[bool, int]:
    return queued.claim.priority is Priority.BACKGROUND, queued.ticket
