"""Fixtures of the ledger's tests: replicas of a service over one pool of a real store."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from redis import Redis

from governor.demo.ports import free_ports
from governor.ledger.embedded import valkey_binary
from governor.ledger.library import Library
from tests.conftest import missing
from tests.ledger.clock import CLOCKED, Clock
from tests.ledger.replica import Replica
from tests.stores import NO_PERSISTENCE, Server


@pytest.fixture
def store(store_url: str) -> Iterator[Redis]:
    """The test's own connection to the store."""
    with Redis.from_url(store_url, decode_responses=True) as client:
        yield client


@pytest.fixture(params=["valkey", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A store of the test's own, to kill and to empty: each kind, one after the other."""
    binary = valkey_binary() if request.param == "valkey" else shutil.which("redis-server")
    if binary is None:
        missing("redis-server")
    else:
        with Server(binary, *NO_PERSISTENCE, port=free_ports(1)[0]) as server:
            yield server


@pytest.fixture
def clock(store: Redis) -> Clock:
    """The time of the replicas."""
    return Clock(store)


@pytest.fixture
async def new_replica(store_url: str, pool: str) -> AsyncIterator[Callable[..., Replica]]:
    """Starts replicas on the store's own time (or with another library); they end with the test."""
    async with AsyncExitStack() as running:

        def start(library: Library | None = None) -> Replica:
            replica = Replica(store_url, pool, library)
            running.push_async_exit(replica)
            return replica

        yield start


@pytest.fixture
def replica(new_replica: Callable[..., Replica], clock: Clock) -> Replica:
    """A replica in a pool of its own, on the test's `clock`."""
    assert clock.now_ms, "the clock is set before anybody reads it"
    return new_replica(CLOCKED)
