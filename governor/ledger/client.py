"""The ledger's client: the Redis functions and the data they keep, typed.

Nothing here decides anything: the rules are in `lua/`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

from redis.exceptions import RedisClusterException, RedisError

from governor.ledger import keys, wire
from governor.ledger.connection import server_with
from governor.ledger.library import Library
from governor.ledger.line import line
from governor.ledger.store import PROBE_EVERY_S, Store
from governor.ledger.wire import Exchange
from governor.model import Lease, Operation, Release, ScopeCount
from governor.resolver import Resolver

SCAN_SIZE: Final = 250
"""Lease records that one command reads when all are looked through: in well under 1 ms."""


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """Policy and facts as the store has them; `file`: the digest of the file last loaded."""

    document: bytes
    facts: bytes
    file: str


@dataclass(frozen=True, slots=True)
class Woken:
    """News: a waiting acquire was granted, or (`expires_at_ms` None) released before it was."""

    id: str
    expires_at_ms: int | None
    shadow_denied_by: str | None


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """News: another policy stands in the store."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """News: listening starts, or goes on after a gap in which other news may have been lost."""


News = Woken | PolicyChanged | Resumed


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the store says of itself."""

    server: str
    version: str
    used_memory_bytes: int
    maxmemory_policy: str
    """What it does when its memory is full; "" if it does not say (Redis: INFO, memory)."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A scope's packed counts, and what was reported of them in a bucket."""

    record: bytes
    bucket: int
    count: ScopeCount

    def stands(self, record: bytes, bucket: int) -> bool:
        """Whether the same would be reported: a peak that is what is in use can't get lower."""
        lasts = self.bucket == bucket or self.count.peak == self.count.in_use
        return lasts and self.record == record


class LedgerClient:
    """One process's access to the ledger of one pool.

    Every call raises `StoreUnavailableError` when the store can't do it, and from then on at once
    until the store answers again.
    """

    def __init__(self, url: str, pool: str, library: Library | None = None) -> None:
        """Prepare access to `pool` in the store at `url`; nothing connects yet."""
        self.store = Store(url, pool, library)
        self.url = self.store.url
        self._redis = self.store.redis
        self._keys = [each.encode() for each in keys.pool_keys(pool)]
        self._line = line(self._redis, self._keys)
        self._policy_key = self.store.key(keys.POLICY)
        self._book_key = self.store.key(keys.BOOK)
        self._policy_channel = self.store.key("policy-changes")
        self._channel = self.store.key(f"worker:{uuid4().hex}")
        self._packer: wire.Packer | None = None
        self._counted: dict[bytes, _Counted] = {}

    @property
    def up(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self.store.up

    async def exchange(
        self, resolver: Resolver, operations: Sequence[Operation]
    ) -> Exchange | None:
        """Perform `operations` in one atomic step; none of them if the policy has changed (None).

        An exchange may be sent twice when a connection breaks: acquiring and releasing are
        idempotent by id (rule 4). Releases alone, or no operations, which only sweeps, are done
        in a store whose memory is full, too.
        """
        if self._packer is None or self._packer.resolver is not resolver:
            self._packer = wire.Packer(resolver, self._channel)
        library = self.store.library
        frees = all(isinstance(each, Release) for each in operations)
        function = library.give_back if frees else library.exchange
        request = self._packer.request(operations)
        reply = await self.store.with_library(self._line.fcall, function, request)
        return wire.answer(reply, operations, resolver)

    async def probe(self) -> None:
        """Find out whether the store takes check-ins: whether it answers, and has memory left."""
        request = wire.nothing(self._channel)
        await self.store.with_library(self._line.fcall, self.store.library.exchange, request)

    async def read_version(self) -> str | None:
        """Return the version of the rules in the store, None if there is no policy."""
        version = await self.store.ask(self._redis.hget, self._book_key, keys.VERSION)
        return None if version is None else cast(bytes, version).decode()

    async def read_policy(self) -> StoredPolicy | None:
        """Return the policy in the store, None if there is none."""
        document, facts, file = cast(
            list[bytes | None],
            await self.store.ask(
                self._redis.hmget, self._policy_key, ["document", "facts", "file"]
            ),
        )
        if document is None:
            return None
        return StoredPolicy(document, facts or b"", (file or b"").decode())

    async def put_policy(
        self, expected: str | None, rules: Resolver, unlisted: Sequence[str] = (), file: str = ""
    ) -> bool:
        """Replace policy and facts if `expected` is the version that stands there; say whether.

        `unlisted` are the scopes that the policy no longer names; `file` is the digest of the file
        that it came from, if it came from one.
        """
        documents = (rules.policy.document, rules.facts.document)
        arguments = (expected or "", rules.version, *documents, file, self._policy_channel)
        return bool(
            await self.store.with_library(
                self._redis.fcall,
                self.store.library.put_policy,
                len(self._keys),
                *self._keys,
                *arguments,
                *unlisted,
            )
        )

    async def counts(self, now_ms: int) -> dict[str, ScopeCount]:
        """Return what is counted in each scope; peaks are of the hour that ends at `now_ms`.

        What has not changed since the last call is the same object: with 10,000 scopes, to read
        all of them every second would keep a worker from its check-ins.
        """
        bucket = now_ms // wire.BUCKET_MS
        book = cast(dict[bytes, bytes], await self.store.ask(self._redis.hgetall, self._book_key))
        for head in (keys.VERSION, keys.NEXT_END):
            book.pop(head.encode(), None)
        known = self._counted
        stale = {
            name: wire.counts(record)
            for name, record in book.items()
            if name not in known or not known[name].stands(record, bucket)
        }
        peaks = await self._peaks(stale, bucket)
        self._counted = {
            name: _Counted(record, bucket, stale[name].reported(peaks[name]))
            if name in stale
            else known[name]
            for name, record in book.items()
        }
        return {name.decode(): each.count for name, each in self._counted.items()}

    async def _peaks(self, counts: Mapping[bytes, wire.Counts], bucket: int) -> dict[bytes, int]:
        """Return the peak of each scope in the hour that ends in `bucket`."""
        sure = {name: count.peak(bucket) for name, count in counts.items()}
        peaks = {name: peak for name, peak in sure.items() if peak is not None}
        if unsure := [name for name in counts if name not in peaks]:
            peaks_key = self.store.key(keys.PEAKS)
            histories = cast(
                list[bytes | None], await self.store.ask(self._redis.hmget, peaks_key, unsure)
            )
            for name, history in zip(unsure, histories, strict=True):
                count = counts[name]
                peaks[name] = wire.history_peak(history, count, bucket) if history else count.in_use
        return peaks

    async def in_use(self, scopes: Iterable[str]) -> dict[str, int]:
        """Return what counts in each of `scopes`: cheap, for who looks every second."""
        names = list(scopes)
        if not names:
            return {}
        records = cast(
            list[bytes | None], await self.store.ask(self._redis.hmget, self._book_key, names)
        )
        return {
            name: wire.in_use(record) if record else 0
            for name, record in zip(names, records, strict=True)
        }

    async def holders(self, scope: str | None, most: int) -> list[Lease]:
        """Return the oldest leases that are held in `scope` (None: anywhere), `most` at most.

        Oldest first; those that come or go meanwhile may be missed. Nothing in the store finds
        them by scope: that would cost every check-in more. So all records are read, in steps that
        keep neither the store nor this process from check-ins for long, and few are unpacked.
        """
        quoted = b"" if scope is None else wire.quoted(scope)
        oldest: dict[bytes, bytes] = {}
        async for records in self._records():
            oldest |= {id_: record for id_, record in records.items() if wire.holds(record, quoted)}
            if len(oldest) > 2 * most + SCAN_SIZE:
                oldest = dict(sorted(oldest.items(), key=wire.age)[:most])
        found: list[Lease] = []
        for id_, record in sorted(oldest.items(), key=wire.age)[:most]:
            found.append(wire.lease(id_, record))
            if len(found) % SCAN_SIZE == 0:
                await asyncio.sleep(0)
        return found

    async def _records(self) -> AsyncIterator[dict[bytes, bytes]]:
        """Yield all lease records by id, in no order, one or another perhaps twice (HSCAN)."""
        leases_key = self.store.key(keys.LEASES)
        cursor = 0
        while True:
            cursor, records = cast(
                tuple[int, dict[bytes, bytes]],
                await self.store.ask(self._redis.hscan, leases_key, cursor, count=SCAN_SIZE),
            )
            yield records
            if not cursor:
                return

    async def facts(self) -> StoreFacts:
        """Ask the store what it is."""
        info = await self.store.ask(self._info)
        server = "valkey" if "valkey_version" in info else "redis"
        version = info.get("valkey_version") or info.get("redis_version") or ""
        used, eviction = int(info.get("used_memory", 0)), str(info.get("maxmemory_policy", ""))
        return StoreFacts(server, str(version), used, eviction)

    async def news(self) -> AsyncGenerator[News, None]:
        """Yield what happens to the policy and to this process's waiting acquires, for ever.

        Begins with `Resumed`, and says it again whenever the connection was replaced.
        """
        channels = (self._channel, self._policy_channel)
        while True:
            with suppress(RedisError, RedisClusterException, OSError):
                async with (
                    server_with(self._redis, self._policy_key) as server,
                    server.pubsub() as pubsub,
                ):
                    await pubsub.ssubscribe(*channels)
                    while pubsub.subscribed:  # until the slot moves to another node
                        message = await pubsub.get_message(timeout=None)
                        if news := message and self._news_in(message):
                            yield news
            await asyncio.sleep(PROBE_EVERY_S)

    async def close(self) -> None:
        """Drop all connections."""
        await self._line.close()
        await self.store.close()

    def _news_in(self, message: dict[str, Any]) -> News | None:
        match message:
            case {"type": "ssubscribe", "data": 2}:  # both channels; again on a new connection
                return Resumed()
            case {"type": "smessage", "channel": channel, "data": data}:
                woken = channel.decode() == self._channel
                return Woken(*wire.woken(data)) if woken else PolicyChanged()
        return None

    async def _info(self) -> dict[str, Any]:
        async with server_with(self._redis, self._policy_key) as server:
            return await server.info()
