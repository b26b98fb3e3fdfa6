"""Fixtures: the fleet's clients, and their calls."""

from collections.abc import Iterator

import pytest

from governor.aws.calls import Calls
from governor.demo.aws.standin import StandIn
from governor.fleet.aws.clients import Clients, connected


@pytest.fixture
def clients(standin: StandIn) -> Iterator[Clients]:
    """Clients that give up soon."""
    assert standin is not None
    clients = connected(attempts=2, read_timeout_s=2.0)
    yield clients
    clients.close()


@pytest.fixture
def calls() -> Calls:
    """The calls of one run."""
    return Calls()
