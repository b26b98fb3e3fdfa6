"""A governor of the demo's own: `governor serve` as a child process."""

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import msgspec

from governor.errors import GovernorError
from governor.lifeline import tied
from governor.service.bodies.status import StatusAnswer

READY_TIMEOUT_S: Final = 60.0
ANSWER_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 30.0


class NotServingError(GovernorError):
    """The governor has ended, is not ready in time, or does not answer; it has said why."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A governor that accepts connections at `url`."""

    url: str
    process: "subprocess.Popen[str]"

    def status(self) -> StatusAnswer:
        """How things stand: scopes, and what the controller tells.

        Raises:
            NotServingError: the governor does not answer.

        """
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request("GET", "/v1/status")
            return msgspec.json.decode(connection.getresponse().read(), type=StatusAnswer)
        except (OSError, HTTPException, msgspec.DecodeError) as error:
            raise NotServingError(f"the governor at {self.url} does not answer: {error}") from error
        finally:
            connection.close()


@contextmanager
def serving(
    *options: str, environ: Mapping[str, str] | None = None, log: BinaryIO | None = None
) -> Iterator[Serving]:
    """Run `governor serve` with `options` until the context is left. For the main thread.

    It inherits our environment unless it has an `environ` of its own, and our standard error unless
    it has a `log`.

    Raises:
        NotServingError: it can't be started.

    """
    # Its own session: a terminal's Ctrl-C is for us, and we stop it in our own time.
    command = tied([sys.executable, "-m", "governor", "serve", *options])
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environ,
        start_new_session=True,
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
                    f"the governor has ended with status {process.wait()}; it has said why"
                )
    raise NotServingError(f"the governor was not ready within {READY_TIMEOUT_S:.0f} s")
