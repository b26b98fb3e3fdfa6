"""The demo as a whole: what it says when limits hold, when they don't, and when it can't run."""

import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from governor.demo.fleet import FUNCTIONS
from governor.demo.show import show
from governor.lifeline import tied

DEMO = [sys.executable, "-m", "governor", "demo", "--headless"]
ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("rie")
def test_limits_hold_and_the_table_shows_it() -> None:
    ran = subprocess.run([*DEMO, "--seconds", "5"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = dict(re.findall(r"^ ((?:function:|group:|account)\S*)(.*)", ran.stdout, re.MULTILINE))
    assert list(rows) == [
        *("function:orders-api", "function:report-gen", "function:thumbnails"),
        *("group:orders-db", "account"),
    ]
    for scope, limit in (("function:report-gen", 3), ("group:orders-db", 5), ("account", 8)):
        invocations, granted, denied, maximum, highest = map(int, rows[scope].split()[:5])
        assert invocations == granted + denied
        assert min(granted, denied) > 0
        assert maximum == limit
        assert 1 < highest <= limit
    assert "No limit was ever exceeded" in ran.stdout
    assert re.search(r"\d of 5 s +function:orders-api \d", ran.stdout), "no progress was told"
    assert ran.stderr == ""


@pytest.mark.usefixtures("rie")
def test_limits_that_do_not_hold_are_seen() -> None:
    ungoverned = [replace(each, environ={"GOVERNOR_DISABLED": "1"}) for each in FUNCTIONS]
    output = io.StringIO()
    assert not show(1, Console(file=output, width=100), headless=True, functions=ungoverned)
    assert "function:report-gen reached 5, above its max_concurrency of 3" in output.getvalue()
    assert "nothing was denied" in output.getvalue()


@pytest.mark.usefixtures("rie")
def test_interrupted_it_leaves_nothing_running(tmp_path: Path) -> None:
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        tied([*DEMO, "--seconds", "600"]), stdout=subprocess.PIPE, text=True, env=environ
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if " of 600 s " in line:
                break
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) > sum(each.environments for each in FUNCTIONS)
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
    assert demo.returncode == 130
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert list(tmp_path.iterdir()) == []


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
