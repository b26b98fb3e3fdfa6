"""How operations, answers and records are packed between the client and the Redis functions.

MessagePack in positional arrays: the twin of this file is the constants at the top of `lua/*.lua`.
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
from governor.policy import REMEMBERED_CLAIMS, Resolver

BUCKET_MS: Final = 10_000
BUCKETS_AN_HOUR: Final = 360

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_COUNTS: Final = Struct("<11d")
_RANKS: Final = {Priority.USER_FACING: 0, Priority.BACKGROUND: 1}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of a list of operations: an answer to each, in their order."""

    answers: list[Answer]
    now_ms: int
    next_end_ms: int | None
    """When the next lease of the pool ends."""
    expired: dict[str, int]
    """Leases by function that this exchange found expired."""


class Packer:
    """Packs operations under one policy; remembers the claims that it packed before."""

    def __init__(self, resolver: Resolver, channel: str) -> None:
        """Use the claims of `resolver`; grants to waiting acquires go to `channel`."""
        self.resolver = resolver
        self._channel = channel
        self._claim = lru_cache(REMEMBERED_CLAIMS)(self._pack_claim)

    def request(self, operations: Sequence[Operation]) -> bytes:
        """Pack `operations` for the function `exchange`."""
        claims: list[msgspec.Raw] = []
        indexes: dict[str, int] = {}

        def index(function: str) -> int:
            if function not in indexes:
                claims.append(self._claim(function))
                indexes[function] = len(claims)  # Lua counts from 1
            return indexes[function]

        packed: list[tuple[object, ...]] = []
        for operation in operations:
            match operation:
                case Acquire(id, function, ttl_ms, attempt, wait_ms):
                    packed.append((1, id, index(function), ttl_ms, attempt, wait_ms))
                case Renew(id, function, ttl_ms):
                    packed.append((2, id, index(function), ttl_ms))
                case Release(id):
                    packed.append((3, id))
        return _pack((self.resolver.policy.version, claims, packed, self._channel))

    def _pack_claim(self, function: str) -> msgspec.Raw:
        return msgspec.Raw(_pack(_positional(self.resolver.claim(function))))


def _positional(claim: Claim) -> tuple[object, ...]:
    holds = [
        (
            hold.scope,
            hold.weight,
            -1 if (limit := hold.limits.limit_for(claim.priority)) is None else limit,
            hold.limits.mode is Mode.SHADOW,
            int(hold.listed),
        )
        for hold in claim.holds
    ]
    return (claim.function, _RANKS[claim.priority], claim.max_attempts or 0, holds)


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
    match fields:
        case [1, function, scopes, expires_at_ms, overrun, replayed, shadow]:
            return Granted(
                operation.id,
                function,
                tuple(scopes),
                expires_at_ms,
                overrun,
                replayed,
                shadow or None,
            )
        case [2, denied_by, in_use] if isinstance(operation, Acquire):
            limits = resolver.claim(operation.function).limits_of(denied_by)
            return Denied(denied_by, in_use, limits)
        case [3, denied_by]:
            return Waiting(denied_by)
        case [4, expires_at_ms, reinstated]:
            return Renewed(expires_at_ms, reinstated)
        case [5, function]:
            return Released(function or None)
    raise ValueError(f"the store's library answers what this client does not know: {fields!r}")


def woken(news: bytes) -> tuple[str, int, str | None]:
    """Unpack the news of a grant to a waiting acquire: id, expires_at_ms, shadow_denied_by."""
    id_, expires_at_ms, shadow = _unpack(news)
    return id_, expires_at_ms, shadow or None


def lease(id_: str, record: bytes) -> Lease | None:
    """Unpack a lease record; None for one that waits."""
    function, acquired_at_ms, expires_at_ms, overrun, flat, *waiting = _unpack(record)
    if waiting:
        return None
    weights = dict(zip(flat[::2], flat[1::2], strict=True))
    return Lease(id_, function, acquired_at_ms, expires_at_ms, overrun, weights)


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


def history_peak(history: bytes, counts: Counts, bucket: int) -> int:
    """Return the peak of the hour that ends in `bucket` from a scope's history and its counts."""
    flat: list[int] = _unpack(history)
    starts, peaks = flat[::2], flat[1::2]
    ends = [*starts[1:], counts.bucket]
    oldest = bucket - BUCKETS_AN_HOUR + 1
    recent = [peak for peak, end in zip(peaks, ends, strict=True) if end > oldest]
    return max(counts.in_use, counts.bucket_peak, *recent)
