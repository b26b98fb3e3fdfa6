"""Where a command's output goes, when it can't go there."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import ADMIN
from tests.governors import Governor, command, environment

PRINTING = [
    ("--version",),
    ("--help",),
    ("status",),
    ("status", "--json"),
    ("get", "policy"),
    ("set", "account", "--headroom", "0"),
]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_full_disk_is_told(guarded: Governor, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command(*words),
            env=environment(GOVERNOR_URL=guarded.url, GOVERNOR_TOKEN=ADMIN),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.stderr == "governor: the output can't be written: No space left on device\n"
    assert ended.returncode == 1


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_closed_pipe_is_not_told(guarded: Governor, words: tuple[str, ...]) -> None:
    with subprocess.Popen(
        command(*words),
        env=environment(GOVERNOR_URL=guarded.url, GOVERNOR_TOKEN=ADMIN),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
