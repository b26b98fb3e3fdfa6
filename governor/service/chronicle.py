"""Has the store know what the last hour was like, for the dashboard.

So it is the same at every replica and outlives their restarts. All of it happens beside the
check-ins: each process tells every few seconds what it has denied, and whichever finds that the
running 10 s have no sample of the pool takes one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from governor.errors import StoreUnavailableError
from governor.ledger.chronicle_store import ChronicleStore, Sample
from governor.ledger.client import LedgerClient
from governor.ledger.policy_store import PolicyStore
from governor.ledger.wire import BUCKET_MS
from governor.model import ACCOUNT, Priority
from governor.service.checkins import CheckIns
from governor.service.denials import Denials

TELL_EVERY_S: Final = 2.0

log = logging.getLogger(__name__)


class Chronicle:
    """Writes the chronicle of the pool, together with all other processes that serve it."""

    def __init__(
        self,
        store: ChronicleStore,
        ledger: LedgerClient,
        policies: PolicyStore,
        check_ins: CheckIns,
        denials: Denials,
    ) -> None:
        """Tell `store` of `denials` and of what `ledger` counts."""
        self._store = store
        self._ledger = ledger
        self._policies = policies
        self._check_ins = check_ins
        self._denials = denials
        self._sampled = 0
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Tell what is left to tell, and end."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        await _attempted(self._tell)

    async def _run(self) -> None:
        while True:
            await _attempted(self._tell)
            await _attempted(self._sample)
            await asyncio.sleep(TELL_EVERY_S)

    async def _tell(self) -> None:
        if not (taken := self._denials.take()):
            return
        try:
            await self._store.tell(taken)
        except StoreUnavailableError:
            self._denials.put_back(taken)
            raise

    async def _sample(self) -> None:
        now_ms = await self._check_ins.sweep()
        bucket = now_ms // BUCKET_MS
        if self._sampled < bucket:
            self._sampled = await self._store.sampled_bucket()
        if self._sampled < bucket:
            await self._store.note(await self._taken(bucket, now_ms))

    async def _taken(self, bucket: int, now_ms: int) -> Sample:
        policy = await self._policies.refresh()
        resolver, limits = self._policies.resolver, policy.account.limits
        in_use = await self._ledger.in_use([ACCOUNT, *resolver.unlike_most])
        parts = resolver.by_priority(in_use)
        return Sample(
            bucket,
            now_ms,
            parts[Priority.USER_FACING],
            parts[Priority.BACKGROUND],
            limits.max_concurrency,
            limits.headroom,
        )


async def _attempted(step: Callable[[], Awaitable[None]]) -> None:
    """Perform `step`, which comes again: one that fails must not be the last."""
    try:
        await step()
    except StoreUnavailableError:
        pass  # a lost store is reported elsewhere
    except Exception:
        log.exception("the last hour is not recorded for now; it is tried again and again")
