"""When cycles run: one after the other while this controller leads, sooner when it is urgent."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from governor.controller.cycle import Cycles
from governor.controller.leader import Leadership
from governor.controller.survey import Account, Surveyor
from governor.errors import StoreUnavailableError
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often cycles run, from begin to begin."""

    every_s: float = 10.0
    urgent_s: float = 2.0
    """While user-facing functions live on a scope's headroom."""
    look_s: float = 0.5
    """How often the ledger is asked whether they do."""


async def control(
    ledger: LedgerClient,
    account: Account,
    stopping: asyncio.Event,
    pace: Pace,
    *,
    dry_run: bool = False,
) -> None:
    """Govern `account` whenever this controller leads its pool, until `stopping`."""
    store = ControllerStore(ledger.store)
    leadership = Leadership(store)
    surveyor = Surveyor(ledger, account)
    cycles = Cycles(surveyor, account, leadership, store, dry_run=dry_run)
    loop = Loop(surveyor, cycles, leadership, pace)
    async with leadership.sought():
        running = asyncio.create_task(loop.run(stopping))
        running.add_done_callback(lambda _: stopping.set())  # a loop that fails ends the process
        await stopping.wait()
        cycles.stop()
        await running


class Loop:
    """Has the leader's cycles run. None begins before the last one has ended."""

    def __init__(
        self, surveyor: Surveyor, cycles: Cycles, leadership: Leadership, pace: Pace
    ) -> None:
        """Run `cycles` at `pace`."""
        self._surveyor = surveyor
        self._cycles = cycles
        self._leadership = leadership
        self._pace = pace

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until `stopping`."""
        began_s, term = 0.0, None
        while not stopping.is_set():
            lease = self._leadership.lease
            if lease is not None and (
                lease.term != term or await self._due(time.monotonic() - began_s)
            ):
                began_s, term = time.monotonic(), lease.term
                try:
                    await self._cycles.run(lease)
                except StoreUnavailableError as error:
                    log.warning("%s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look_s):
                    await stopping.wait()

    async def _due(self, waited_s: float) -> bool:
        if waited_s >= self._pace.every_s:
            return True
        if waited_s < self._pace.urgent_s:
            return False
        try:
            return await self._surveyor.headroom_is_eaten_into()
        except StoreUnavailableError:
            return False
