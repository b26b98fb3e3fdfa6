"""Fixtures of the controller's tests."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from governor.ledger.client import LedgerClient
from tests.controller.controllers import BURST, POLICY, Governed


@pytest.fixture
async def governed(valkey_url: str, pool: str) -> AsyncIterator[Governed]:
    """A pool of the test's own, and an account in memory."""
    ledger = LedgerClient(valkey_url, pool)
    yield Governed(valkey_url, pool, ledger)
    await ledger.close()


@pytest.fixture
async def burst(governed: Governed) -> Governed:
    """A pool whose account has two queues full of messages."""
    await governed.set_policy(POLICY)
    for function in ("load", "report"):
        governed.account.feed(function, BURST)
    queue = governed.account.queues["arn:queue-of-load"]
    governed.account.queues[queue.arn] = replace(queue, max_receive_count=3)
    return governed
