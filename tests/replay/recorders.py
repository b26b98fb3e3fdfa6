"""A real `governor record` for tests, to be watched and ended."""

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from governor.lifeline import tied
from governor.replay.shelf import recorded_files
from tests.governors import command, environment
from tests.stores import wait_until


class RunningRecorder:
    """`governor record` of the governor at `url` into `folder`."""

    def __init__(self, url: str, folder: Path, *options: str) -> None:
        """Start it."""
        self.folder = folder
        self._process = subprocess.Popen(
            tied(command("record", "--to", f"{folder}", "--url", url, *options)),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def text(self) -> str:
        """What it has written to the file that it writes now."""
        files = recorded_files(self.folder) if self.folder.is_dir() else []
        return files[-1].read_text() if files and files[-1].suffix == ".jsonl" else ""

    def lines(self) -> int:
        """How many looks stand there."""
        return max(0, self.text().count("\n") - 1)

    def look(self) -> None:
        """Wait until it has looked twice: once at least after this call."""
        seen = self.lines()
        wait_until(lambda: self.lines() >= seen + 2, "the recorder looks twice")

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send it a signal; return its exit status and what it has printed."""
        self._process.send_signal(how)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        """Wait until it ends by itself."""
        out, err = self._process.communicate(timeout=30)
        return self._process.returncode, out, err

    def __enter__(self) -> Self:
        """The running recorder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it if it runs still."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
