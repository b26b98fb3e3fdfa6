"""Real governors for tests: `governor serve` in its own processes, to be used, stopped, killed."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from governor.lifeline import tied
from tests.stores import wait_until

Start = Callable[..., "Governor"]

_LISTENING = re.compile(r"^governor: listening on (?P<url>http://\S+)$", re.MULTILINE)
_STOPPED_WITHIN_S = 30.0


def command(*arguments: str) -> list[str]:
    """The command line of `governor` with `arguments`."""
    return [sys.executable, "-m", "governor", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process with no settings of a governor in it but `variables`."""
    inherited = {name: value for name, value in os.environ.items() if "GOVERNOR_" not in name}
    return inherited | variables


def run(
    *arguments: str, stdin: str | None = None, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run `governor` with `arguments` to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=_STOPPED_WITHIN_S,
        check=False,
    )


class Governor:
    """A running `governor serve` on a free port of loopback, unless `options` say otherwise."""

    def __init__(self, *options: str, **variables: str) -> None:
        """Start it with `options` and environment `variables`; wait until it listens."""
        descriptor, name = tempfile.mkstemp(prefix="governor-output-")
        self._output = Path(name)
        self.url = ""
        with os.fdopen(descriptor, "wb") as output:
            self._process = subprocess.Popen(
                tied(command("serve", "--listen", "127.0.0.1:0", *options)),
                env=environment(**variables),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(self._listens, "the governor listens")

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.url.rpartition(":")[2])

    @property
    def output(self) -> str:
        """What its processes have printed, errors included."""
        return self._output.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        """Its workers and its embedded store, if it has one."""
        children: list[psutil.Process] = psutil.Process(self.pid).children(recursive=True)
        return children

    def workers(self) -> list[psutil.Process]:
        """The processes that answer requests."""
        return [child for child in self.children() if "governor.service.worker" in child.cmdline()]

    def store(self) -> psutil.Process:
        """The embedded store."""
        (store,) = (child for child in self.children() if "valkey" in child.name())
        return store

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit status, once it has ended."""
        return self._process.wait(_STOPPED_WITHIN_S)

    def stop(self) -> int:
        """Stop it as an init system would; return the exit status."""
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL the supervisor, and wait until its children have noticed and ended."""
        children = self.children()
        self._process.kill()
        self._process.wait()
        _, alive = psutil.wait_procs(children, _STOPPED_WITHIN_S)
        assert not alive, "children outlive their killed supervisor"

    def close(self) -> str:
        """Stop it if it runs; return what it has printed in its life."""
        if self._process.poll() is None:
            self.stop()
        output = self.output
        self._output.unlink()
        return output

    def __enter__(self) -> Self:
        """The running governor."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it. No test may make it stumble over what it did not expect."""
        output = self.close()
        assert "Traceback" not in output, output

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.output
        if listening := _LISTENING.search(self.output):
            self.url = listening["url"]
        return bool(self.url)


@contextmanager
def starting() -> Iterator[Start]:
    """A way to start governors that end with the context."""
    started: list[Governor] = []

    def start(*options: str, **variables: str) -> Governor:
        started.append(Governor(*options, **variables))
        return started[-1]

    try:
        yield start
    finally:
        outputs = [governor.close() for governor in started]
    for output in outputs:
        assert "Traceback" not in output, output
