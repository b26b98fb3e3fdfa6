"""What the last hour was like, as the services of a pool tell it to the store, and read it there.

For people to look at: nothing is decided by it. Samples of the pool in steps of 10 s, denials in
steps of a minute, and the peaks that the ledger itself keeps. Bounded, and gone after an hour.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from governor.ledger import keys, wire
from governor.ledger.store import Store

MINUTE_MS: Final = 60_000
MINUTES: Final = 60

_pack = msgspec.msgpack.encode


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """The pool at one moment: what its functions have in use, against the account's limits."""

    bucket: int
    """The 10 s in which it was taken, counted from 1970: no bucket has two."""
    at_ms: int
    user_facing: int
    background: int
    max_concurrency: int | None
    headroom: int


@dataclass(frozen=True, slots=True)
class DenialCount:
    """How often a scope denied a function within a minute.

    `function` None: all those that are too many to be named.
    """

    scope: str
    function: str | None
    denied: int
    shadow_denied: int
    minute: int = 0
    """From 1970, by the store's clock; what is told belongs to the running one."""


_sample = msgspec.msgpack.Decoder(Sample).decode
_minute = msgspec.msgpack.Decoder(dict[str, tuple[int, int]]).decode


class ChronicleStore:
    """Access to the chronicle of one pool; calls raise `StoreUnavailableError`."""

    def __init__(self, store: Store) -> None:
        """Work in the pool of `store`."""
        self._store = store
        self._redis = store.redis
        self._samples_key = store.key(keys.SAMPLES)
        self._denials_key = store.key(keys.DENIALS)

    async def sampled_bucket(self) -> int:
        """Return the bucket of the last sample, 0 if there is none."""
        last = await self._store.ask(self._redis.lindex, self._samples_key, -1)
        return _sample(cast(bytes, last)).bucket if last else 0

    async def note(self, sample: Sample) -> bool:
        """Keep `sample` unless its bucket, or a later one, has one; say whether."""
        return bool(
            await self._store.fcall(
                self._store.library.note, [self._samples_key], sample.bucket, _pack(sample)
            )
        )

    async def samples(self, now_ms: int) -> list[Sample]:
        """Return the samples of the hour that ends at `now_ms`, oldest first."""
        records = await self._store.ask(self._redis.lrange, self._samples_key, 0, -1)
        oldest = now_ms // wire.BUCKET_MS - wire.BUCKETS_AN_HOUR + 1
        samples = map(_sample, cast(list[bytes], records))
        return [each for each in samples if each.bucket >= oldest]

    async def peaks(self, scope: str, now_ms: int) -> list[int]:
        """Return the highest in_use of `scope` in each 10 s of the hour that ends at `now_ms`.

        Oldest first, the last one is still running.
        """
        book, peaks = self._store.key(keys.BOOK), self._store.key(keys.PEAKS)
        record = cast(bytes | None, await self._store.ask(self._redis.hget, book, scope))
        if record is None:
            return [0] * wire.BUCKETS_AN_HOUR
        history = cast(bytes | None, await self._store.ask(self._redis.hget, peaks, scope))
        return wire.hour_of_peaks(history, wire.counts(record), now_ms // wire.BUCKET_MS)

    async def tell(self, denials: Iterable[DenialCount]) -> None:
        """Add `denials` to those of the running minute. May count twice if a connection breaks."""
        told = [
            (each.scope, each.function or "", each.denied, each.shadow_denied) for each in denials
        ]
        await self._store.fcall(self._store.library.tell, [self._denials_key], _pack(told))

    async def denials(self, now_ms: int) -> list[DenialCount]:
        """Return the denials of the minute of `now_ms` and the 59 before it."""
        records = cast(
            dict[bytes, bytes], await self._store.ask(self._redis.hgetall, self._denials_key)
        )
        oldest = now_ms // MINUTE_MS - MINUTES + 1
        return [
            DenialCount(scope, function or None, denied, shadow_denied, minute)
            for minute, record in sorted((int(each), record) for each, record in records.items())
            if minute >= oldest
            for pair, (denied, shadow_denied) in _minute(record).items()
            for scope, _, function in [pair.partition(" ")]
        ]
