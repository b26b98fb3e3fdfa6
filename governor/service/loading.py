"""The policy that a governor starts with: from its file into the store, when the store is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from governor.errors import PreconditionError, StoreUnavailableError
from governor.ledger.client import LedgerClient
from governor.ledger.policy_store import PolicyStore
from governor.settings import PolicyFile

RETRY_EVERY_S: Final = 0.2

log = logging.getLogger(__name__)


async def load_file(file: PolicyFile, store: str, pool: str) -> None:
    """Bring the policy of `file` into the pool, unless it was the last one loaded."""
    ledger = LedgerClient(store, pool)
    policies = PolicyStore(ledger)
    try:
        await until_answered(lambda: policies.load_file(file.policy, file.digest))
    finally:
        await ledger.close()


async def until_answered(ask: Callable[[], Awaitable[object]]) -> None:
    """Call `ask` until it succeeds at the store. Log why it does not, once for each reason."""
    logged = ""
    while True:
        try:
            await ask()
        except (StoreUnavailableError, PreconditionError) as error:
            if f"{error}" != logged:
                logged = f"{error}"
                log.warning("%s", logged)
            await asyncio.sleep(RETRY_EVERY_S)
        else:
            return
