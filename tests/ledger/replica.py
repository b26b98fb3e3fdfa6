"""What a replica of the service is to the ledger: a client, the policy it knows, and its news."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self, TypeVar

import msgspec

from governor.ledger.client import LedgerClient, News, Resumed, Woken
from governor.ledger.library import Library
from governor.ledger.policy_store import PolicyStore
from governor.ledger.wire import Exchange
from governor.model import (
    Acquire,
    Answer,
    Denied,
    Granted,
    Lease,
    Operation,
    Release,
    Released,
    Renew,
    Renewed,
    ScopeCount,
    Waiting,
)
from governor.policy import Policy, parse_yaml
from governor.resolver import Resolver

A = TypeVar("A", bound=Answer)

WITHIN_S = 10.0
TTL_MS = 60_000


class Replica:
    """One process's way to the ledger. It reads the policy again when the ledger says so."""

    def __init__(self, url: str, pool: str, library: Library | None = None) -> None:
        """Prepare access to `pool` at `url`."""
        self.ledger = LedgerClient(url, pool, library)
        self.policies = PolicyStore(self.ledger)
        self.refreshed = 0
        """How often the ledger refused an exchange because the policy was an old one."""

    async def __aenter__(self) -> Self:
        """The replica."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop its connections."""
        await self.ledger.close()

    async def set_policy(self, policy: str | Policy) -> None:
        """Replace the pool's policy by `policy` (YAML)."""
        wanted = policy if isinstance(policy, Policy) else parse_yaml(policy)
        await self.policies.change(lambda _: wanted)

    async def edit_group(self, name: str, **changes: int) -> None:
        """Change fields of one group of the pool's policy."""

        def edit(rules: Resolver) -> Policy:
            policy = rules.policy
            group = msgspec.structs.replace(policy.groups[name], **changes)
            return msgspec.structs.replace(policy, groups={**policy.groups, name: group})

        await self.policies.change(edit)

    async def back(self) -> None:
        """Wait until the client knows that its store is back."""
        async with asyncio.timeout(WITHIN_S):
            while not self.ledger.up:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def exchange(self, *operations: Operation) -> Exchange:
        """Perform `operations` under the policy that stands in the store."""
        while True:
            exchange = await self.ledger.exchange(self.policies.resolver, operations)
            if exchange is not None:
                return exchange
            self.refreshed += 1
            await self.policies.refresh()

    async def acquire(
        self, id_: str, function: str, *, ttl_ms: int = TTL_MS, attempt: int = 1, wait_ms: int = 0
    ) -> Granted | Denied | Waiting:
        """Acquire one lease."""
        exchange = await self.exchange(Acquire(id_, function, ttl_ms, attempt, wait_ms))
        (answer,) = exchange.answers
        assert isinstance(answer, Granted | Denied | Waiting)
        return answer

    async def granted(self, id_: str, function: str, *, ttl_ms: int = TTL_MS) -> Granted:
        """Acquire a lease that must be granted."""
        return expect(Granted, await self.acquire(id_, function, ttl_ms=ttl_ms))

    async def denied(self, id_: str, function: str) -> Denied:
        """Acquire a lease that must be denied."""
        return expect(Denied, await self.acquire(id_, function))

    async def waiting(self, id_: str, function: str, *, wait_ms: int = TTL_MS) -> Waiting:
        """Acquire a lease that must be waited for."""
        return expect(Waiting, await self.acquire(id_, function, wait_ms=wait_ms))

    async def renew(self, id_: str, function: str, *, ttl_ms: int = TTL_MS) -> Renewed:
        """Renew one lease."""
        return expect(Renewed, *(await self.exchange(Renew(id_, function, ttl_ms))).answers)

    async def release(self, id_: str) -> Released:
        """Release one lease."""
        return expect(Released, *(await self.exchange(Release(id_))).answers)

    async def leases(self) -> dict[str, Lease]:
        """Every lease that the ledger's records hold, by id."""
        return {lease.id: lease for lease in await self.ledger.holders(None, 1_000_000)}

    async def counts(self) -> dict[str, ScopeCount]:
        """What the ledger counts by scope, after it has swept."""
        swept = await self.exchange()
        return await self.ledger.counts(swept.now_ms)

    async def in_use(self, scope: str) -> int:
        """What counts in `scope`, after the ledger has swept."""
        return (await self.counts()).get(scope, ScopeCount()).in_use

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Inbox"]:
        """The replica's news, from now on."""
        async with Inbox(self.ledger) as inbox:
            yield inbox


class Inbox:
    """The news of one client, in order. Open, its waiting acquires can be granted."""

    def __init__(self, ledger: LedgerClient) -> None:
        """Prepare to listen; `open` does."""
        self._ledger = ledger
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen; ready when listening."""
        self._listener = asyncio.create_task(self._listen())
        assert isinstance(await self.next(), Resumed)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening: the subscription ends."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def next(self) -> News:
        """The next news, awaited for a while."""
        async with asyncio.timeout(WITHIN_S):
            return await self._news.get()

    async def woken(self) -> str:
        """The id of the next waiting acquire that is granted."""
        while not isinstance(news := await self.next(), Woken):
            pass
        return news.id

    def arrived(self) -> list[News]:
        """What has arrived and was not asked for yet."""
        return [self._news.get_nowait() for _ in range(self._news.qsize())]

    async def _listen(self) -> None:
        async with aclosing(self._ledger.news()) as all_news:
            async for news in all_news:
                await self._news.put(news)


def expect(kind: type[A], answer: Answer) -> A:
    """`answer`, which must be of that kind."""
    assert isinstance(answer, kind), answer
    return answer
