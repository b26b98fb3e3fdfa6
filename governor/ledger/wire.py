"""How operations, answers and records are packed between the client and the Redis functions.

MessagePack in positional arrays, a claim as JSON text: the twin of this file is the constants at
the top of `lua/*.lua`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any, Final

import msgspec

from governor.model import (
    Acquire,
    Answer,
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
from governor.resolver import REMEMBERED_CLAIMS, Resolver

BUCKET_MS: Final = 10_000
BUCKETS_AN_HOUR: Final = 360

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode
_COUNTS: Final = Struct("<11d")
_IN_USE: Final = Struct("<d")
_LEASE_HEAD: Final = Struct("<ddB")
_ACQUIRED_AT: Final = Struct("<d")
_STATE_AT: Final = 16
_HOLD_SIZE: Final = 5
_OVERRUN: Final = 1
_QUEUED: Final = 2
_RANKS: Final = {Priority.USER_FACING: 0, Priority.BACKGROUND: 1}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of a list of operations: an answer to each, in their order."""

    answers: list[Answer]
    now_ms: int
    next_end_ms: int | None
    """No lease of the pool ends before; None: there are none."""
    expired: dict[str, int]
    """Leases by function that this exchange found expired."""


def nothing(channel: str) -> bytes:
    """Pack no operation at all, of the process that listens to `channel`."""
    return _pack(("", channel, []))


class Packer:
    """Packs operations under one policy; remembers the claims that it packed before."""

    def __init__(self, resolver: Resolver, channel: str) -> None:
        """Use the claims of `resolver`; grants to waiting acquires go to `channel`."""
        self.resolver = resolver
        self._version = resolver.version
        self._channel = channel
        self._claim = lru_cache(REMEMBERED_CLAIMS)(self._pack_claim)

    def request(self, operations: Sequence[Operation]) -> bytes:
        """Pack `operations` for the function `exchange`."""
        version = ""
        packed: list[tuple[object, ...]] = []
        for each in operations:
            match each:
                case Acquire(id_, function, ttl_ms, attempt, wait_ms):
                    packed.append((1, id_, self._claim(function), ttl_ms, attempt, wait_ms))
                    version = self._version
                case Renew(id_, function, ttl_ms):
                    packed.append((2, id_, self._claim(function), ttl_ms))
                    version = self._version
                case Release(id_):
                    packed.append((3, id_))
        return _pack((version, self._channel, packed))

    def _pack_claim(self, function: str) -> str:
        claim = self.resolver.claim(function)
        fields: list[object] = [claim.function, _RANKS[claim.priority], claim.max_attempts or 0]
        for hold in claim.holds:
            limit = hold.limits.limit_for(claim.priority)
            is_shadow = hold.limits.mode is Mode.SHADOW
            limit = -1 if limit is None else limit
            fields += hold.scope, hold.weight, limit, is_shadow, int(hold.listed)
        return _to_json(fields).decode()


def answer(reply: bytes, operations: Sequence[Operation], resolver: Resolver) -> Exchange | None:
    """Unpack what the function `exchange` replied; None when the policy is no longer that one."""
    answers, now_ms, next_end_ms, expired = _unpack(reply)
    if answers is False:
        return None
    return Exchange(
        [
            _answer(fields, operation, resolver)
            for fields, operation in zip(answers, operations, strict=True)
        ],
        now_ms,
        next_end_ms or None,
        expired or {},
    )


def _answer(fields: list[Any], operation: Operation, resolver: Resolver) -> Answer:
    match fields, operation:
        case [1, expires_at_ms, overrun, shadow], Acquire(id_, function):
            scopes = resolver.claim(function).scopes
            shadow_denied_by = shadow or None
            return Granted(
                id_, function, scopes, expires_at_ms, overrun, shadow_denied_by=shadow_denied_by
            )
        case [2, expires_at_ms, overrun, claim], Acquire(id_):
            function, weights = _claimed(claim)
            return Granted(id_, function, tuple(weights), expires_at_ms, overrun, replayed=True)
        case [3, denied_by, in_use], Acquire(_, function):
            return Denied(denied_by, in_use, resolver.claim(function).limits_of(denied_by))
        case [4, denied_by], Acquire():
            return Waiting(denied_by)
        case [5, expires_at_ms, reinstated], Renew():
            return Renewed(expires_at_ms, reinstated)
        case [6, function], Release():
            return Released(function or None)
    raise ValueError(f"the store's library answers what this client does not know: {fields!r}")


def _claimed(claim: str | bytes) -> tuple[str, dict[str, int]]:
    """Return the function of a packed claim, and its weight in each of its scopes."""
    function, _rank, _max_attempts, *holds = _from_json(claim)
    return function, dict(zip(holds[::_HOLD_SIZE], holds[1::_HOLD_SIZE], strict=True))


def woken(news: bytes) -> tuple[str, int | None, str | None]:
    """Unpack the news of an acquire's wait that is over: id, expires_at_ms, shadow_denied_by."""
    id_, expires_at_ms, shadow = _unpack(news)
    return id_, expires_at_ms or None, shadow or None


def lease(id_: bytes, record: bytes) -> Lease:
    """Unpack the record of a lease that is held."""
    acquired_at_ms, expires_at_ms, state = _LEASE_HEAD.unpack_from(record)
    function, weights = _claimed(record[_LEASE_HEAD.size :])
    overrun = state == _OVERRUN
    return Lease(id_.decode(), function, int(acquired_at_ms), int(expires_at_ms), overrun, weights)


def holds(record: bytes, scope: bytes) -> bool:
    """Whether a lease record is held, not waiting, in the `quoted` scope `scope`."""
    return scope in record and record[_STATE_AT] != _QUEUED


def quoted(scope: str) -> bytes:
    """Return `scope` as claims name it, and nothing else in a record does."""
    return _to_json(scope)


def age(named: tuple[bytes, bytes]) -> tuple[float, bytes]:
    """Return what orders pairs of lease id and record by when they were acquired."""
    return _ACQUIRED_AT.unpack_from(named[1])[0], named[0]


@dataclass(frozen=True, slots=True)
class Counts:
    """A scope's counts as the store keeps them."""

    in_use: int
    granted: int
    denied: int
    shadow_denied: int
    expired: int
    overruns: int
    bucket: int
    bucket_peak: int
    hour_peak: int
    hour_peak_until: int

    def peak(self, bucket: int) -> int | None:
        """Return the peak of the hour that ends in `bucket`; None if the history must tell."""
        untouched_for = bucket - self.bucket
        if untouched_for >= BUCKETS_AN_HOUR:
            return self.in_use
        highest = max(self.in_use, self.bucket_peak)
        if self.hour_peak <= highest:
            return highest
        return self.hour_peak if bucket < self.hour_peak_until else None

    def reported(self, peak: int) -> ScopeCount:
        """Return what the ledger reports of the scope."""
        return ScopeCount(
            self.in_use,
            peak,
            self.granted,
            self.denied,
            self.shadow_denied,
            self.expired,
            self.overruns,
        )


def counts(record: bytes) -> Counts:
    """Unpack a scope's counts."""
    in_use, granted, denied, shadow_denied, expired, overruns, _listed, *peaks = (
        int(number) for number in _COUNTS.unpack(record)
    )
    return Counts(in_use, granted, denied, shadow_denied, expired, overruns, *peaks)


def in_use(record: bytes) -> int:
    """Unpack what a scope has in use, and nothing else of its counts."""
    return int(_IN_USE.unpack_from(record)[0])


def hour_of_peaks(history: bytes | None, counts: Counts, bucket: int) -> list[int]:
    """Return the peak of each bucket of the hour that ends in `bucket`, oldest first."""
    flat: list[int] = _unpack(history) if history else []
    steps = [*zip(flat[::2], flat[1::2], strict=True), (counts.bucket, counts.bucket_peak)]
    steps.append((counts.bucket + 1, counts.in_use))
    first = bucket - BUCKETS_AN_HOUR + 1
    peaks = [0] * BUCKETS_AN_HOUR
    for start, peak in steps:  # each holds until the next one
        begins = max(0, start - first)
        peaks[begins:] = [peak] * (BUCKETS_AN_HOUR - begins)
    return peaks


def history_peak(history: bytes, counts: Counts, bucket: int) -> int:
    """Return the peak of the hour that ends in `bucket` from a scope's history and its counts."""
    flat: list[int] = _unpack(history)
    starts, peaks = flat[::2], flat[1::2]
    ends = [*starts[1:], counts.bucket]
    oldest = bucket - BUCKETS_AN_HOUR + 1
    recent = [peak for peak, end in zip(peaks, ends, strict=True) if end > oldest]
    return max(counts.in_use, counts.bucket_peak, *recent)
