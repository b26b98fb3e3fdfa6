"""A Node.js process with the layer in it, as far as a test drives it."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SCRIPT = Path(__file__).with_name("child.js")


class RaisedError(Exception):
    """What was thrown in the child: the error's name and message."""


class Child:
    """A context manager: left, the process has ended."""

    def __init__(self, node: Path, **environ: str) -> None:
        """Start it, with these variables besides PATH."""
        self._logged = 0
        self._log = tempfile.NamedTemporaryFile()  # noqa: SIM115 - it lives as long as the child
        replies, theirs = os.pipe()
        # The descriptor of the replies is 3 in the child, whatever it is here.
        command = f'exec "$0" "$1" 3>&{theirs}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", command, node, SCRIPT],
            env={"PATH": os.environ["PATH"], **environ},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            text=True,
        )
        os.close(theirs)
        self._replies = os.fdopen(replies)

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it: nothing of the layer may keep it alive when nobody writes to it any more."""
        self._process.communicate(timeout=20)
        self._replies.close()
        self._log.close()

    def run(self, source: str, **given: Any) -> Any:
        """What the body of an async function returns for what is `given` to it.

        Raises:
            RaisedError: it has thrown.

        """
        self.start(source, **given)
        return self.result()

    def start(self, source: str, **given: Any) -> None:
        """Run that, and don't wait for what it returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"source": source, "given": given}) + "\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """What the next of those that have been started returns."""
        line = self._replies.readline()
        if line == "":
            raise RaisedError(f"the child has ended: {self.logged()}")
        reply = json.loads(line)
        if "error" in reply:
            raise RaisedError(reply["error"])
        return reply["returned"]

    def logged(self) -> str:
        """What it has written since this was asked last."""
        text = Path(self._log.name).read_text()
        new, self._logged = text[self._logged :], len(text)
        return new
