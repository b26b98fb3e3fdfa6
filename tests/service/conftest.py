"""Fixtures of the service's tests: governors that tests share or start, and ways to call them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from governor.ledger.embedded import valkey_binary
from tests.governors import Governor, Start, starting
from tests.service.api import Api
from tests.stores import NO_PERSISTENCE, Server


@pytest.fixture(scope="session")
def replicas(valkey_url: str) -> Iterator[tuple[Governor, Governor]]:
    """Two governors over one pool, for tests that leave them running."""
    pool = f"shared-{secrets.token_hex(6)}"
    with (
        Governor("--store", valkey_url, "--pool", pool) as one,
        Governor("--store", valkey_url, "--pool", pool) as another,
    ):
        yield one, another


@pytest.fixture
async def api(replicas: tuple[Governor, Governor]) -> AsyncIterator[Api]:
    """A governor with an empty policy, where nobody holds anything or ever did."""
    async with Api(replicas[0].url) as api:
        await asyncio.gather(*map(api.check_out, await api.holders()))
        # What a scope has counted goes with its entry in the policy.
        counted = [scope.partition(":")[2] for scope in await api.scopes() if ":" in scope]
        await api.put("/v1/policy", {"functions": {name: {} for name in counted}})
        await api.set_policy("{}")
        await api.put("/v1/facts/tags", {"tags": {}})
        yield api


@pytest.fixture
async def other(replicas: tuple[Governor, Governor]) -> AsyncIterator[Api]:
    """Another replica of the governor that is `api`."""
    async with Api(replicas[1].url) as other:
        yield other


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts governors, with the options given, that end with the test."""
    with starting() as start:
        yield start


@pytest.fixture
def own_store() -> Iterator[Server]:
    """A Valkey of the test's own."""
    with Server(valkey_binary(), *NO_PERSISTENCE) as server:
        yield server
