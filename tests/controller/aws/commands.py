"""The controller's commands, run as a user runs them, and what they are run on."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from governor.demo.aws.fleet import Fleet
from governor.lifeline import tied
from tests.governors import command, environment, run

POLICY = """
account: {max_concurrency: 100, headroom: 20}
functions:
  load: {priority: background}
  api: {}
"""

RECEIVES = 4
"""A message that was received so often goes to the dead-letter queue."""

MESSAGES = 200
"""In batches of 10, each of which takes half a minute: twenty at once would do."""


@contextmanager
def controller(where: list[str], output: Path, *options: str) -> Iterator[psutil.Popen]:
    """A running `governor controller run`."""
    words = command("controller", "run", *where, "--interval", "1", *options)
    with output.open("wb") as written:
        process = psutil.Popen(
            tied(words), env=environment(), stdout=written, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(30) == 0, output.read_text()
    assert "Traceback" not in output.read_text(), output.read_text()


def maximum(fleet: Fleet, uuid: str) -> int | None:
    """The mapping's MaximumConcurrency."""
    return fleet.state(uuid).get("ScalingConfig", {}).get("MaximumConcurrency")


def shown(*words: str) -> dict[str, Any]:
    """The JSON that a command prints, which must succeed."""
    ended = run(*words, "--json")
    assert ended.returncode == 0, ended
    value: dict[str, Any] = json.loads(ended.stdout)
    return value
