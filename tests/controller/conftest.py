"""Fixtures of the controller's tests."""

from collections.abc import AsyncIterator

import pytest

from governor.ledger.client import LedgerClient
from tests.controller.controllers import Governed


@pytest.fixture
async def governed(valkey_url: str, pool: str) -> AsyncIterator[Governed]:
    """A pool of the test's own, and an account in memory."""
    ledger = LedgerClient(valkey_url, pool)
    yield Governed(valkey_url, pool, ledger)
    await ledger.close()
