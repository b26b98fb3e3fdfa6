"""When cycles run: one after the other while this controller leads, sooner when it is urgent."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from governor.controller.cycle import Cycles
from governor.controller.leader import Leadership
from governor.controller.survey import Account, Surveyor
from governor.errors import StoreUnavailableError
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore

log = logging.getLogger(__name__)


_SPARE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """From one cycle's begin to the next one's end: so soon is a demand answered that one misses.

    Cycles begin early enough for that if they take as long as the last one, and `_SPARE_S` more.
    """

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
        began_s, took_s, term = 0.0, 0.0, None
        while not stopping.is_set():
            lease = self._leadership.lease
            answers_in_s = time.monotonic() - began_s + took_s + _SPARE_S
            if lease is not None and (lease.term != term or await self._due(answers_in_s)):
                began_s, term = time.monotonic(), lease.term
                try:
                    await self._cycles.run(lease)
                except StoreUnavailableError as error:
                    log.warning("%s", error)
                took_s = time.monotonic() - began_s
                answers_in_s = 2 * took_s + _SPARE_S
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_next_look_s(answers_in_s)):
                    await stopping.wait()

    def _until_next_look_s(self, answers_in_s: float) -> float:
        """Until the next cycle may be due, but no longer than from look to look."""
        due = (pace_s - answers_in_s for pace_s in (self._pace.urgent_s, self._pace.every_s))
        return min([self._pace.look_s, *(left_s for left_s in due if left_s > 0)])

    async def _due(self, answers_in_s: float) -> bool:
        if answers_in_s >= self._pace.every_s:
            return True
        if answers_in_s < self._pace.urgent_s:
            return False
        try:
            return await self._surveyor.headroom_is_eaten_into()
        except StoreUnavailableError:
            return False
