"""`make run`: every line that it prints works as printed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from governor.lifeline import tied
from tests.conftest import missing

LAST_LINE = "Ctrl-C here stops the governor."


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[list[str]]:
    """The commands that a running `governor.demo.run` suggests."""
    if shutil.which("curl") is None:
        missing("curl")
    arguments = ["--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data")]
    command = [sys.executable, "-m", "governor.demo.run", *arguments]
    with subprocess.Popen(tied(command), stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines: list[str] = []
        for line in run.stdout:
            lines.append(line)
            if LAST_LINE in line:
                break
        else:
            pytest.fail(f"it ended too early, with status {run.wait()}")
        yield [line.strip() for line in lines if line.startswith("  ")]
        run.send_signal(signal.SIGINT)
        run.stdout.read()
    assert run.returncode == 0


def in_a_shell(command: str) -> str:
    """What a command prints, once a shell has run it."""
    wide = os.environ | {"COLUMNS": "120"}
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        env=wide,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def test_every_line_works_as_printed(printed: list[str]) -> None:
    commands = iter(printed)

    def answer() -> str:
        return in_a_shell(next(commands))

    assert json.loads(answer())["max_concurrency"] == 2
    assert "201 Created" in answer()
    assert "201 Created" in answer()
    denied = answer()
    assert "429 Too Many Requests" in denied
    assert '"denied_by":"function:report-gen"' in denied
    assert [lease["id"] for lease in json.loads(answer())["leases"]] == ["one", "two"]
    scopes = {each["scope"]: each for each in json.loads(answer())["scopes"]}
    assert scopes["function:report-gen"]["in_use"] == 2
    assert "function:report-gen" in answer()
    assert "204 No Content" in answer()
    assert "201 Created" in answer()
    assert json.loads(answer())["max_concurrency"] == 4
    assert json.loads(answer())["groups"] == {"orders-db": 2}
    assert json.loads(answer())["groups"] == ["orders-db"]
    assert "report-gen:" in answer()
    assert 'governor_in_use{scope="function:report-gen"} 2' in answer()
    stream = next(commands)
    assert stream.startswith("curl -N ")
    with subprocess.Popen(
        tied(["/bin/sh", "-c", f"exec {stream}"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as streaming:
        assert streaming.stdout is not None
        assert streaming.stdout.readline() == "event: status\n"
        streaming.terminate()
    assert list(commands) == []


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_its_help_starts_nothing(asked: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "governor.demo.run", "--data-dir", f"{tmp_path}/data", asked]
    ran = subprocess.run(tied(command), capture_output=True, text=True, check=False, timeout=20)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "governor serve --help" in ran.stdout
    assert not (tmp_path / "data").exists()


def test_what_serve_does_not_take_is_wrong_use(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "governor.demo.run", "--data-dir", f"{tmp_path}", "--nonsense"]
    ran = subprocess.run(tied(command), capture_output=True, text=True, check=False, timeout=20)
    assert ran.returncode == 2
    assert "--nonsense" in ran.stderr
