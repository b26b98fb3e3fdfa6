"""Fixtures: our view of an account, and what the controller's commands are run on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from governor.controller.aws.account import AwsAccount
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.standin import StandIn
from tests.controller.aws.commands import MESSAGES, POLICY, RECEIVES
from tests.governors import Governor, Start, starting


@pytest.fixture
def account(standin: StandIn) -> Iterator[AwsAccount]:
    """What the controller uses, with a budget that does not hold tests up."""
    assert standin is not None
    account = AwsAccount(lambda_per_s=200, read_timeout_s=2.0)
    yield account
    account.close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts governors that end with the test."""
    with starting() as start:
        yield start


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A file with a policy that leaves less to the queue than it could use."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("100", "30"))
    return file


@pytest.fixture
def burst(standin: StandIn, fleet: Fleet) -> str:
    """A queue full of messages that feeds the function `load`: the mapping."""
    assert standin.url
    fleet.function("api")
    fleet.function("load")
    fleet.put_metric(
        "ApproximateAgeOfOldestMessage", 77, time.time() - 60, "AWS/SQS", QueueName="load-queue"
    )
    return fleet.mapping("load", fleet.queue("load-queue", MESSAGES, RECEIVES))


@pytest.fixture
def governor(start: Start, valkey_url: str, pool: str, policy: Path) -> Governor:
    """A service without a controller of its own."""
    return start("--store", valkey_url, "--pool", pool, "--policy", f"{policy}")


@pytest.fixture
def where(valkey_url: str, pool: str, governor: Governor) -> list[str]:
    """The options that lead a command to the pool, whose policy is there."""
    assert governor.url
    return ["--store", valkey_url, "--pool", pool]
