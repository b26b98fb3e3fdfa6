"""What the layer's tests stand on: a governor, AWS's emulator, and a stand-in that misbehaves."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from governor.demo.rie import EmulatorMissingError, default_cache, emulator
from tests.conftest import missing
from tests.governors import Governor
from tests.layer.standin import StandIn

FUNCTIONS = Path(__file__).parent / "functions"

GovernorUrl = Callable[[dict[str, Any]], str]


@pytest.fixture
def governor_url(tmp_path: Path) -> Iterator[GovernorUrl]:
    """Start a governor with the given policy, and return its address."""
    with ExitStack() as running:

        def start(policy: dict[str, Any]) -> str:
            file = tmp_path / "policy.json"
            file.write_text(json.dumps(policy))
            options = ("--data-dir", str(tmp_path / "data"), "--policy", str(file))
            return running.enter_context(Governor(*options)).url

        yield start


@pytest.fixture(scope="session")
def rie() -> Path:
    """AWS's emulator."""
    try:
        return emulator(default_cache())
    except EmulatorMissingError as error:
        missing(f"AWS's Lambda emulator ({error})")
        raise


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in for the governor that grants, until told to behave otherwise."""
    with StandIn() as peer:
        yield peer
