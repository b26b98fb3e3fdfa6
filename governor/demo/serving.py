"""A governor of the demo's own: `governor serve` as a child process."""

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from governor.errors import GovernorError
from governor.lifeline import tied

READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 30.0


class NotServingError(GovernorError):
    """The governor has ended or is not ready in time; it has said why on standard error."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A governor that accepts connections at `url`."""

    url: str
    process: "subprocess.Popen[str]"


@contextmanager
def serving(*options: str) -> Iterator[Serving]:
    """Run `governor serve` with `options` until the context is left. For the main thread.

    Raises:
        NotServingError: it can't be started.

    """
    # Its own session: a terminal's Ctrl-C is for us, and we stop it in our own time.
    command = tied([sys.executable, "-m", "governor", "serve", *options])
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Serving(_url(process), process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _url(process: "subprocess.Popen[str]") -> str:
    """The address in the line by which a governor says that it is ready."""
    assert process.stdout is not None  # noqa: S101 - asked for
    deadline = time.monotonic() + READY_TIMEOUT_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            line = process.stdout.readline()
            if found := re.search(r"http://\S+", line):
                return found[0]
            if not line:
                raise NotServingError(
                    f"the governor has ended with status {process.wait()}; it says why above"
                )
    raise NotServingError(f"the governor was not ready within {READY_TIMEOUT_S:.0f} s")
