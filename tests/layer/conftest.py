"""What the layer's tests stand on: a governor, AWS's emulator, and a stand-in that misbehaves."""

import json
import re
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from governor.demo.rie import EmulatorMissingError, default_cache, emulator
from governor.lifeline import tied
from tests.conftest import missing
from tests.layer.standin import StandIn

FUNCTIONS = Path(__file__).parent / "functions"
READY_TIMEOUT_S = 20

GovernorUrl = Callable[[dict[str, Any]], str]


@pytest.fixture
def governor_url(tmp_path: Path) -> Iterator[GovernorUrl]:
    """Start a governor with the given policy, and return its address."""
    with ExitStack() as running:

        def start(policy: dict[str, Any]) -> str:
            policy_file = tmp_path / "policy.json"
            policy_file.write_text(json.dumps(policy))
            command = [sys.executable, "-m", "governor", "serve", "--listen", "127.0.0.1:0"]
            command += ["--store", "embedded", "--data-dir", str(tmp_path / "data")]
            command += ["--policy", str(policy_file)]
            log = running.enter_context((tmp_path / "governor.log").open("w"))
            process = running.enter_context(
                subprocess.Popen(tied(command), stdout=subprocess.PIPE, stderr=log, text=True)
            )
            running.callback(process.terminate)
            return _address(process)

        yield start


def _address(process: "subprocess.Popen[str]") -> str:
    """The address in the line by which a governor says that it is ready."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(READY_TIMEOUT_S):
            line = process.stdout.readline()
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return found[0]
            assert line, f"the governor has ended with status {process.wait()}"
    pytest.fail(f"the governor was not ready within {READY_TIMEOUT_S} s")


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
