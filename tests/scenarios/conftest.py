"""Fixtures: the account of a scenario is nobody's on this machine."""

import os

import pytest

from governor.demo.aws.moto import ENVIRONMENT


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no boto3, here or in a child, find anything of the machine it runs on."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
