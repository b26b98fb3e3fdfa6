"""Where check-ins meet the ledger.

What arrives in one turn of the event loop goes to the store as one function call, and while a call
is under way the next one gathers: the busier, the cheaper a check-in gets.
"""

import asyncio
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Final, TypeVar

from msgspec.structs import replace

from governor.errors import StoreUnavailableError
from governor.ledger.client import LedgerClient, News, PolicyChanged, Resumed, Woken
from governor.ledger.policy_store import PolicyStore
from governor.ledger.wire import Exchange
from governor.model import (
    Acquire,
    Answer,
    Denied,
    Granted,
    Operation,
    Release,
    Released,
    Renew,
    Renewed,
    Waiting,
)
from governor.service.denials import Denials
from governor.service.metrics import Metrics

A = TypeVar("A")

MOST_AT_ONCE: Final = 256
"""Operations in one function call; Redis serves nobody else while it runs."""

STALE_ATTEMPTS: Final = 20
"""How often operations are sent anew because the policy had just changed."""

SWEEP_AT_MOST_EVERY_S: Final = 0.05
SWEEP_AT_LEAST_EVERY_S: Final = 30.0
"""For leases of which this process does not know: a replica granted them, and died. While the last
hour is recorded the chronicle sweeps more often."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """A client that waits for a lease. Its future gives None when it should wait no longer."""

    acquire: Acquire
    until: float
    grant: asyncio.Future[Granted | None]

    def remaining(self, now: float) -> Acquire:
        """Return the acquire with what is left of its time to wait."""
        return replace(self.acquire, wait_ms=max(1, round((self.until - now) * 1000)))


class CheckIns:
    """Acquires, renews and releases for the clients of one process."""

    def __init__(
        self, ledger: LedgerClient, policies: PolicyStore, metrics: Metrics, denials: Denials
    ) -> None:
        """Serve from `ledger` under the policy of `policies`; count in `metrics` and `denials`."""
        self._ledger = ledger
        self._policies = policies
        self._metrics = metrics
        self._denials = denials
        self._loop = asyncio.get_running_loop()
        self._pending: list[tuple[Operation, asyncio.Future[Answer]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._waiters: dict[str, list[Waiter]] = {}
        self._closing = False
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen for grants and policy changes, and to sweep."""
        self._listening = self._loop.create_task(self._listen())
        self._begin_sweep()

    def dismiss_waiters(self) -> None:
        """Answer all who wait: the process is about to stop."""
        self._closing = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                _resolve(waiter.grant, None)

    async def stop(self) -> None:
        """Finish what is under way."""
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        while self._sending is not None:
            await self._sending

    async def acquire(self, acquire: Acquire) -> Granted | Denied:
        """Check in. Waits up to `wait_ms` in the queue; when cancelled, nothing is held.

        Raises `StoreUnavailableError`.
        """
        started = perf_counter()
        try:
            if acquire.wait_ms:
                answer = await self._acquire_or_wait(acquire)
            else:
                answer = _final(await self._submit(acquire))
        except StoreUnavailableError:
            self._metrics.unavailable(acquire.function)
            raise
        # Counted when the answer is on its way: the handler does not wait again.
        self._loop.call_soon(self._count, acquire.function, answer, perf_counter() - started)
        return answer

    async def renew(self, renew: Renew) -> Renewed:
        """Extend a lease. Raises `StoreUnavailableError`."""
        return _expected(await self._submit(renew), Renewed)

    async def release(self, id_: str) -> Released:
        """Check out. Raises `StoreUnavailableError`."""
        released = _expected(await self._submit(Release(id_)), Released)
        self._metrics.released(released)
        return released

    async def sweep(self) -> int:
        """End what has expired; return the store's time (ms). Raises `StoreUnavailableError`."""
        return (await self._exchange([])).now_ms

    def _count(self, function: str, answer: Granted | Denied, seconds: float) -> None:
        self._metrics.acquired(function, answer, seconds)
        self._denials.answered(function, answer)

    async def _acquire_or_wait(self, acquire: Acquire) -> Granted | Denied:
        until = self._loop.time() + acquire.wait_ms / 1000
        waiter = Waiter(acquire, until, self._loop.create_future())
        queued = False
        # Before it is sent: the news of a grant may overtake the answer that it waits.
        self._waiters.setdefault(acquire.id, []).append(waiter)
        try:
            answer = await self._submit(acquire)
            if not isinstance(answer, Waiting):
                return _final(answer)
            queued = True
            if self._closing:
                _resolve(waiter.grant, None)
            granted = None
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    granted = await waiter.grant
            # Asking tells of a grant whose news is late or lost, too: its id is live then.
            answer = granted or _final(await self._submit(replace(acquire, wait_ms=0)))
            return answer if isinstance(answer, Denied) else await self._take_over(acquire, answer)
        except asyncio.CancelledError:
            # An answer that is still on its way is seen to when it comes.
            if queued and len(self._waiters[acquire.id]) == 1:
                self._give_up(acquire.id)
            raise
        finally:
            self._waiters[acquire.id].remove(waiter)
            if not self._waiters[acquire.id]:
                del self._waiters[acquire.id]

    async def _take_over(self, acquire: Acquire, granted: Granted) -> Granted:
        """Extend a lease that the queue granted, for a short time only, to what was asked for."""
        renewed = await self.renew(Renew(acquire.id, acquire.function, acquire.ttl_ms))
        return replace(
            granted,
            expires_at_ms=renewed.expires_at_ms,
            overrun=granted.overrun or renewed.reinstated,
            replayed=False,  # its id is live only since the client waits
        )

    def _submit(self, operation: Operation) -> asyncio.Future[Answer]:
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._pending.append((operation, answer))
        if self._sending is None:
            # The task starts after the callbacks of this turn: what they submit goes along.
            self._sending = self._loop.create_task(self._send())
        return answer

    async def _send(self) -> None:
        try:
            while self._pending:
                batch, self._pending = (
                    self._pending[:MOST_AT_ONCE],
                    self._pending[MOST_AT_ONCE:],
                )
                await self._send_batch(batch)
        finally:
            self._sending = None

    async def _send_batch(self, batch: list[tuple[Operation, asyncio.Future[Answer]]]) -> None:
        try:
            exchange = await self._exchange([operation for operation, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody may wait for ever
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (operation, future), answer in zip(batch, exchange.answers, strict=True):
            if not future.done():
                future.set_result(answer)
            elif isinstance(operation, Acquire):
                # The client hung up meanwhile. What was live before it asked is not its own.
                fresh = isinstance(answer, Granted) and not answer.replayed
                if (fresh or isinstance(answer, Waiting)) and operation.id not in self._waiters:
                    self._give_up(operation.id)

    def _give_up(self, id_: str) -> None:
        """Give back a lease, or a place in the queue, that no client has any more."""
        self._submit(Release(id_)).add_done_callback(_heed)

    async def _exchange(self, operations: list[Operation]) -> Exchange:
        for _ in range(STALE_ATTEMPTS):
            exchange = await self._ledger.exchange(self._policies.resolver, operations)
            if exchange is not None:
                self._metrics.expired(exchange.expired)
                if exchange.next_end_ms is not None:
                    self._sweep_in((exchange.next_end_ms - exchange.now_ms) / 1000)
                return exchange
            await self._policies.refresh()
        raise StoreUnavailableError("the policy changes faster than it can be read; try again")

    def _sweep_in(self, delay_s: float) -> None:
        """Sweep after `delay_s`, or earlier if that was planned already."""
        delay_s = min(max(delay_s, SWEEP_AT_MOST_EVERY_S), SWEEP_AT_LEAST_EVERY_S)
        at = self._loop.time() + delay_s
        if self._sweep_timer is not None:
            if self._sweep_timer.when() <= at:
                return
            self._sweep_timer.cancel()
        self._sweep_timer = self._loop.call_at(at, self._begin_sweep)

    def _begin_sweep(self) -> None:
        self._sweep_timer = None
        self._sweep_in(SWEEP_AT_LEAST_EVERY_S)
        self._loop.create_task(self.sweep()).add_done_callback(_heed)

    async def _listen(self) -> None:
        async with aclosing(self._ledger.news()) as all_news:
            async for news in all_news:
                await self._heed_news(news)

    async def _heed_news(self, news: News) -> None:
        match news:
            case Woken(id, None):
                for waiter in self._waiters.get(id, ()):
                    _resolve(waiter.grant, None)
            case Woken(id, int(expires_at_ms), shadow_denied_by):
                for waiter in self._waiters.get(id, ()):
                    claim = self._policies.resolver.claim(waiter.acquire.function)
                    granted = Granted(
                        id,
                        claim.function,
                        claim.scopes,
                        expires_at_ms,
                        shadow_denied_by=shadow_denied_by,
                    )
                    _resolve(waiter.grant, granted)
            case PolicyChanged() | Resumed():
                with suppress(StoreUnavailableError):
                    await self._policies.refresh()
                    await self._ask_again()

    async def _ask_again(self) -> None:
        """Ask for all who wait, under the policy as it is now; they keep their places."""
        now = self._loop.time()
        # Not for one that asks a last time, as it does at the end: its place would outlive it.
        waiting = [
            patient[0]
            for waiters in self._waiters.values()
            if (patient := [each for each in waiters if not each.grant.done()])
        ]
        answers = await asyncio.gather(
            *(self._submit(waiter.remaining(now)) for waiter in waiting), return_exceptions=True
        )
        for waiter, answer in zip(waiting, answers, strict=True):
            if isinstance(answer, Granted):
                for same in self._waiters.get(waiter.acquire.id, [waiter]):
                    _resolve(same.grant, answer)


def _resolve(future: asyncio.Future[A], value: A) -> None:
    if not future.done():
        future.set_result(value)


def _expected(answer: Answer, kind: type[A]) -> A:
    if isinstance(answer, kind):
        return answer
    raise TypeError(f"the ledger gave {answer!r}, which is no answer to this operation")


def _final(answer: Answer) -> Granted | Denied:
    return answer if isinstance(answer, Denied) else _expected(answer, Granted)


def _heed(done: "asyncio.Future[Answer] | asyncio.Task[int]") -> None:
    """Look at the outcome of what nobody awaits; a lost store is reported elsewhere."""
    error = None if done.cancelled() else done.exception()
    if error is not None and not isinstance(error, StoreUnavailableError):
        log.error("unexpected: %s", error, exc_info=error)
