"""When cycles run: one after the other while this controller leads, sooner when it is urgent."""

import asyncio
import logging
import time
from contextlib import suppress

from governor.controller.cycle import Cycles
from governor.controller.leader import Leadership
from governor.controller.pace import Due, Pace, Rhythm
from governor.controller.survey import Account, Surveyor
from governor.errors import StoreUnavailableError
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore

log = logging.getLogger(__name__)


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
        self._rhythm = Rhythm(pace)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until `stopping`."""
        term = None
        while not stopping.is_set():
            lease = self._leadership.lease
            if lease is not None and (lease.term != term or await self._is_due()):
                began_s, term = time.monotonic(), lease.term
                try:
                    await self._cycles.run(lease)
                except StoreUnavailableError as error:
                    log.warning("%s", error)
                self._rhythm.ran(began_s, time.monotonic())
            now_s = time.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rhythm.next_look_s(now_s) - now_s):
                    await stopping.wait()

    async def _is_due(self) -> bool:
        due = self._rhythm.due(time.monotonic())
        if due is not Due.IF_URGENT:
            return due is Due.NOW
        try:
            return await self._surveyor.headroom_is_eaten_into()
        except StoreUnavailableError:
            return False
