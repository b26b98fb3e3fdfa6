"""The demo as a whole: it shows what it promises, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from governor.demo.fleet import FUNCTIONS
from governor.lifeline import tied

DEMO = [sys.executable, "-m", "governor", "demo", "--headless"]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory for temporary files, with a short name: a socket of the store's lies in it."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


def read_until(demo: "subprocess.Popen[str]", text: str) -> str:
    """What `demo` prints up to a line with `text`."""
    assert demo.stdout is not None
    printed = ""
    for line in demo.stdout:
        printed += line
        if text in line:
            return printed
    pytest.fail(f"it ended with status {demo.wait()}, and without {text!r}:\n{printed}")


def interrupt(demo: "subprocess.Popen[str]", status: int) -> None:
    """Press Ctrl-C; nothing may be left of a demo that ends with `status`."""
    family = psutil.Process(demo.pid).children(recursive=True)
    assert len(family) > sum(each.environments for each in FUNCTIONS)
    demo.send_signal(signal.SIGINT)
    assert demo.stdout is not None
    demo.stdout.read()
    assert demo.wait() == status
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("rie")
def test_users_are_harmed_only_without_the_governor(scratch: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    command = [*DEMO, "--seconds", "45", "--keep", "--report", str(report)]
    with subprocess.Popen(
        tied(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(scratch)},
    ) as demo:
        printed = read_until(demo, "Ctrl-C ends it all")
        (dashboard,) = re.findall(r"^Dashboard: (http://127\S+)$", printed, re.MULTILINE)
        with urlopen(dashboard) as answer:  # noqa: S310 - it is on this machine
            assert "<html" in answer.read().decode()
        interrupt(demo, 0)
        assert demo.stderr is not None
        assert demo.stderr.read() == ""
    assert list(scratch.iterdir()) == []
    assert "✓ With the governor no limit was exceeded" in printed
    assert re.search(r"refused by AWS, the pool was full +[1-9]\d* +0 *$", printed, re.MULTILINE)
    assert re.search(r"most at once: group:batch, of 12 +(1[3-9]|20) +\d", printed)
    assert re.search(r"\d s  (report-gen|thumbnails): unlimited → \d", printed), "no reason given"
    text = report.read_text()
    assert text.startswith("<!doctype html>")
    assert "user-facing demand" in text or "group:batch leaves" in text


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("rie")
def test_interrupted_it_leaves_nothing_behind(scratch: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    with subprocess.Popen(
        tied([*DEMO, "--report", str(report)]),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(scratch)},
    ) as demo:
        read_until(demo, "without the governor: ")
        interrupt(demo, 130)
    assert list(scratch.iterdir()) == []
    assert not report.exists()


def test_without_the_emulator_it_says_what_to_do(tmp_path: Path) -> None:
    environ = os.environ | {"PIP_NO_INDEX": "1", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        DEMO, capture_output=True, text=True, check=False, cwd=tmp_path, env=environ
    )
    assert ran.returncode == 2
    assert "aws-sam-cli" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_too_short_a_demo_is_refused() -> None:
    ran = subprocess.run([*DEMO, "--seconds", "1"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "--seconds" in ran.stderr
