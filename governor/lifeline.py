"""Tie a child process to its parent: whatever way the parent ends, the child gets SIGTERM.

A process that is killed with SIGKILL can't stop its children, so the kernel has to do it: Linux
keeps a "parent death signal" for every process (prctl(2), PR_SET_PDEATHSIG). The flag survives
exec, so this module is also a launcher for programs that don't set it themselves::

    python -m governor.lifeline PARENT_PID COMMAND [ARGUMENT ...]

The kernel's rule is about threads: the signal comes when the *thread* that started the child ends,
not when its process does. So start a tied child from the main thread, or from one that lives as
long (a worker of asyncio's default executor does). The flag is not passed on to the child's own
children, and is lost when a set-user-id program is executed.

Linux only. Elsewhere a tied child runs untied: it survives a parent that is killed with SIGKILL.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with_parent(parent_pid: int) -> None:
    """Send this process SIGTERM once its parent ends, or now if that has already happened.

    `parent_pid` is what the parent says its pid is: a parent that dies before the kernel knows our
    wish sends no signal, and is recognised by having been replaced.

    Raises OSError when the kernel refuses.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"prctl(PR_SET_PDEATHSIG): {os.strerror(errno)}")
    if os.getppid() != parent_pid:
        signal.raise_signal(signal.SIGTERM)


def tied(command: Sequence[str]) -> list[str]:
    """The command that runs `command` as a child which ends with the calling process.

    It needs neither the working directory nor the environment to find this module (`-I -S`), which
    also keeps the launcher's own start to a few milliseconds.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    """Become the command in the arguments, tied to the process whose pid comes first."""
    parent_pid, *command = sys.argv[1:]
    end_with_parent(int(parent_pid))
    os.execvp(command[0], command)  # noqa: S606 - replacing ourselves, without a shell, is the point


if __name__ == "__main__":
    main()
