"""Fixtures: our view of an account."""

from collections.abc import Iterator

import pytest

from governor.controller.aws.account import AwsAccount
from governor.demo.aws.standin import StandIn


@pytest.fixture
def account(standin: StandIn) -> Iterator[AwsAccount]:
    """What the controller uses, with a budget that does not hold tests up."""
    assert standin is not None
    account = AwsAccount(lambda_per_s=200, read_timeout_s=2.0)
    yield account
    account.close()
