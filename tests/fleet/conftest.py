"""Fixtures: the fleet's clients and their calls, a layer, and its roll-out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from governor.aws.calls import Calls
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.standin import StandIn
from governor.fleet.aws.clients import Clients, connected
from governor.fleet.aws.configuring import Configuring
from governor.fleet.aws.discover import discover
from governor.fleet.aws.listing import listed
from governor.fleet.aws.pace import PacedCalls
from governor.fleet.aws.turn import Turn
from governor.fleet.discovery import Discovery
from governor.fleet.rollout import AT_ONCE_WITHOUT_A_LOOK, Decide, Pace, Rolling, Rollout
from governor.fleet.selection import Selection
from tests.fleet.account import Discover, published
from tests.fleet.rolling import fine


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


@pytest.fixture
def layer(fleet: Fleet) -> str:
    """A version of the layer."""
    return published(fleet, "governor")


@pytest.fixture
def roll_out(clients: Clients, calls: Calls, standin: StandIn) -> Callable[..., Rollout]:
    """Rolls a change out over all functions of the account."""

    def rolled(decide: Decide, pace: Pace = AT_ONCE_WITHOUT_A_LOOK, vitals: Any = fine) -> Rollout:
        functions = listed(clients, calls).functions
        with Turn(clients, calls, contest_s=0.1) as turn:
            rolling = Rolling(Configuring(clients, calls), vitals, turn, lambda *_: None)
            return rolling.roll_out(functions, lambda _: decide, pace)

    assert standin is not None
    return rolled


@pytest.fixture
def found(clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Discover:
    """Discovers the account, with a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}")

    def found(selection: Selection = Selection(), *, refresh: bool = False) -> Discovery:  # noqa: B008 - a value
        return discover(clients, PacedCalls(10_000), selection, refresh=refresh)

    return found
