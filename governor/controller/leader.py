"""Leadership: one controller of a pool acts, the others stand by.

A leader that is killed is followed by another when its lease has ended. What a leader does to AWS
carries its lease and is dropped if that has lapsed.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from governor.errors import StoreUnavailableError
from governor.ledger.controller_store import ControllerStore

LEASE_S: Final = 8.0
"""How long a leader leads after it was last heard of. With the time that it takes others to notice,
one that was killed is followed within 15 s."""

RENEW_EVERY_S: Final = 2.0
"""How often a leader renews its lease, and the others ask for it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act as leader until `until_s` by this machine's monotonic clock.

    The time is counted from before the store was asked: here a lease never ends later than there.
    """

    leader: str
    term: int
    until_s: float

    @property
    def live(self) -> bool:
        """Whether it may still be acted on; asks no one."""
        return time.monotonic() < self.until_s


class Leadership:
    """One controller's part in the election."""

    def __init__(self, store: ControllerStore) -> None:
        """Take part as a controller of this process."""
        self.id = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.paused = False
        """Whether the controller was paused when the store was last asked."""
        self.deposed = 0
        """How often another controller was found to lead where this one did."""
        self._store = store
        self._lease: Lease | None = None
        self._clock_s = 0.0

    @property
    def time_s(self) -> float:
        """The store's time, in seconds since 1970, as good as it is known."""
        return time.monotonic() + self._clock_s

    @property
    def lease(self) -> Lease | None:
        """The lease while this controller leads, as far as it knows."""
        return self._lease if self._lease is not None and self._lease.live else None

    async def ask(self, *, depose: bool = False) -> Lease | None:
        """Become or stay leader; return the lease, None if another one leads.

        Raises `StoreUnavailableError`; a lease from before is then as good as it was.
        """
        asked_at_s = time.monotonic()
        reign = await self._store.lead(self.id, int(LEASE_S * 1000), depose=depose)
        self._clock_s = reign.now_ms / 1000 - time.monotonic()
        self.paused = reign.paused
        self.deposed += reign.term is None and self._lease is not None
        self._lease = (
            None if reign.term is None else Lease(self.id, reign.term, asked_at_s + LEASE_S)
        )
        return self._lease

    async def confirmed(self, lease: Lease) -> Lease | None:
        """Return `lease`, renewed, if it is the leader's according to the store; None if not."""
        renewed = await self.ask()
        return renewed if renewed is not None and renewed.term == lease.term else None

    @asynccontextmanager
    async def sought(self) -> AsyncIterator[None]:
        """Ask again and again for as long as the context lasts; resign at its end."""
        seeking = asyncio.create_task(self._seek())
        try:
            yield
        finally:
            seeking.cancel()
            with suppress(asyncio.CancelledError):
                await seeking
            with suppress(StoreUnavailableError):
                await self.resign()

    async def resign(self) -> None:
        """End the lease, so that another controller need not wait for its end."""
        if self._lease is not None:
            await self._store.resign(self.id, self._lease.term)
            self._lease = None

    async def _seek(self) -> None:
        while True:
            try:
                await self.ask()
            except StoreUnavailableError as error:
                log.warning("%s", error)
            await asyncio.sleep(RENEW_EVERY_S)
