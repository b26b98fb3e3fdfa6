"""Fixtures: moto, the stand-in before it, an account that is empty at first, and our view of it."""

import os
from collections.abc import Iterator

import pytest

from governor.controller.aws.account import AwsAccount
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.moto import ENVIRONMENT, Moto
from governor.demo.aws.standin import StandIn


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
def standin(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The stand-in; boto3 in this process goes to it."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    with StandIn(moto) as standin:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url}.items():
            monkeypatch.setenv(name, value)
        yield standin


@pytest.fixture
def _there(standin: StandIn, fleet: Fleet) -> None:
    """AWS is there, with nothing in it."""


@pytest.fixture
def account(_there: None) -> Iterator[AwsAccount]:
    """What the controller uses, with a budget that does not hold tests up."""
    account = AwsAccount(lambda_per_s=200, read_timeout_s=2.0)
    yield account
    account.close()
