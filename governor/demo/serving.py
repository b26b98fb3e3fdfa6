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
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

import msgspec

from governor.errors import GovernorError
from governor.lifeline import tied

READY_TIMEOUT_S: Final = 60.0
ANSWER_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 30.0


class NotServingError(GovernorError):
    """The governor has ended or is not ready in time; it has said why on standard error."""


@dataclass(frozen=True, slots=True)
class ScopeNow:
    """A scope, as `GET /v1/status` has it. `denied` counts what this very scope has denied."""

    scope: str
    in_use: int
    max_concurrency: int | None
    headroom: int
    granted: int
    denied: int


@dataclass(frozen=True, slots=True)
class _Status:
    scopes: list[ScopeNow]


@dataclass(frozen=True, slots=True)
class Serving:
    """A governor that accepts connections at `url`."""

    url: str
    process: "subprocess.Popen[str]"

    def scopes(self) -> dict[str, ScopeNow]:
        """All scopes as they are now, by name.

        Raises:
            NotServingError: the governor does not answer.

        """
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request("GET", "/v1/status")
            status = msgspec.json.decode(connection.getresponse().read(), type=_Status)
        except (OSError, HTTPException, msgspec.DecodeError) as error:
            raise NotServingError(f"the governor at {self.url} does not answer: {error}") from error
        finally:
            connection.close()
        return {each.scope: each for each in status.scopes}


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
