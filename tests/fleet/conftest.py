"""Fixtures: moto, the stand-in before it, and an account that is empty at first."""

import os
from collections.abc import Iterator

import pytest

from governor.aws.calls import Calls
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.moto import ENVIRONMENT, Moto
from governor.demo.aws.standin import StandIn
from governor.fleet.aws.clients import Clients, connected


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    server = Moto(tmp_path_factory.mktemp("moto") / "output")
    yield server
    server.close()


@pytest.fixture(scope="session")
def _fleet(moto: Moto) -> Iterator[Fleet]:
    with Fleet(moto) as fleet:
        yield fleet


@pytest.fixture
def fleet(_fleet: Fleet) -> Fleet:
    """An account that is empty at first."""
    _fleet.empty()
    return _fleet


@pytest.fixture
def standin(fleet: Fleet, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The stand-in before the account; boto3 in this process and its children goes to it."""
    assert fleet is not None
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    with StandIn(moto) as standin:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url}.items():
            monkeypatch.setenv(name, value)
        yield standin


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
