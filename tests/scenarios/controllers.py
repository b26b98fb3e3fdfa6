"""Controllers as a user runs them: `governor controller run`, each a process of its own."""

import subprocess
from pathlib import Path

from governor.lifeline import tied
from tests.governors import command, environment

_STOPPED_WITHIN_S = 30.0


class Controller:
    """A running controller of a pool. Several of one pool elect a leader."""

    def __init__(self, output: Path, where: list[str], interval_s: float, **variables: str) -> None:
        """Start one over the store and pool that the options `where` say."""
        self._output = output
        words = command("controller", "run", *where, "--interval", f"{interval_s:g}")
        with output.open("wb") as written:
            self._process = subprocess.Popen(
                tied(words),
                env=environment(**variables),
                stdout=written,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its process id, which stands in the leader's name in the status."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was not killed."""
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """What it has logged."""
        return self._output.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it, unless it was killed. It must not have stumbled."""
        if self.is_running:
            self._process.terminate()
            assert self._process.wait(_STOPPED_WITHIN_S) == 0, self.output
        assert "Traceback" not in self.output, self.output
