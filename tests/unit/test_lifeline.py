"""A tied child ends with its parent, whatever way the parent ends."""

import os
import signal
import subprocess
import sys

import psutil

from governor.lifeline import tied
from tests.stores import wait_until

PARENT = """
import subprocess, sys
from governor.lifeline import tied
child = subprocess.Popen(tied(["sleep", "60"]))
print(child.pid, flush=True)
child.wait()
"""


def is_over(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_tied_child_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until(lambda: psutil.Process(child).name() == "sleep", "the child is tied")
        parent.kill()
    wait_until(lambda: is_over(child), "the child ended")


def test_a_child_whose_parent_died_too_early_ends_at_once() -> None:
    command = tied(["sleep", "60"])
    command[command.index(str(os.getpid()))] = "1"  # the parent that it expects is another one
    assert subprocess.run(command, check=False).returncode == -signal.SIGTERM
