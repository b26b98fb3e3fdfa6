"""Governors under test: `governor serve` as real processes that a test may stop and kill."""

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

from governor.lifeline import tied
from tests.stores import wait_until

ANSWER_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API. `body` is the decoded JSON, or the text."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Governor:
    """`governor serve` with `options`, on a free port of loopback unless they say otherwise."""

    def __init__(self, *options: str) -> None:
        """Start it and wait until it accepts connections."""
        self._options = ("--listen", "127.0.0.1:0", *options)
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by __exit__
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        command = tied([sys.executable, "-m", "governor", "serve", *self._options])
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"not ready: {line!r}\n{self.log()}"
        self.url = found[0]

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    @property
    def supervisor(self) -> psutil.Process:
        """The process that was started."""
        return psutil.Process(self._process.pid)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """Call the API. `body` is sent as JSON unless it is bytes; header names by underscores."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=ANSWER_TIMEOUT_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, data, named)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        is_json = "json" in response.headers.get("Content-Type", "")
        answer = json.loads(text) if is_json else text.decode()
        return Reply(response.status, answer, dict(response.headers.items()))

    def acquire(self, id_: str, function: str = "f", ttl_ms: int = 60_000, **more: int) -> Reply:
        """Check in."""
        return self.call(
            "POST", "/v1/leases", {"id": id_, "function": function, "ttl_ms": ttl_ms, **more}
        )

    def release(self, id_: str) -> int:
        """Check out; return the status."""
        return self.call("DELETE", f"/v1/leases/{id_}").status

    def put(self, path: str, body: object) -> None:
        """Set limits, which must work."""
        reply = self.call("PUT", path, body)
        assert reply.status in {200, 201}, reply

    def scopes(self) -> dict[str, Any]:
        """Status by scope."""
        reply = self.call("GET", "/v1/status")
        assert reply.status == 200, reply
        return {each["scope"]: each for each in reply.body["scopes"]}

    def in_use(self, scope: str) -> int:
        """Return what a scope has in use."""
        number: int = self.scopes()[scope]["in_use"]
        return number

    def metrics(self) -> str:
        """Text of /metrics."""
        text: str = self.call("GET", "/metrics").body
        return text

    def is_ready(self) -> bool:
        """Whether it serves and has its store."""
        try:
            return self.call("GET", "/readyz").status == 200
        except (OSError, HTTPException):
            return False

    def children(self, what: str) -> list[psutil.Process]:
        """Child processes whose command line has `what` in it."""
        found = []
        for child in self.supervisor.children():
            with suppress(psutil.NoSuchProcess):  # it may end while we look
                if any(what in word for word in child.cmdline()):
                    found.append(child)
        return found

    def log(self) -> str:
        """What it has written to standard error."""
        self._log.seek(0)
        return self._log.read()

    def stop(self) -> int:
        """SIGTERM, and wait; return the exit status."""
        self._process.terminate()
        return self._ended()

    def kill(self) -> None:
        """SIGKILL the supervisor, and wait until its children have ended with it."""
        children = self.supervisor.children(recursive=True)
        self._process.kill()
        self._ended()
        wait_until(lambda: not psutil.wait_procs(children, timeout=0)[1], "its children ended")

    def __enter__(self) -> Self:
        """The running governor."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        if self._process.poll() is None:
            self.stop()
        self._log.close()

    def _ended(self) -> int:
        status = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return status


def run_governor(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "governor", *words],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def data_dir(folder: Path) -> tuple[str, str]:
    """Return the options for an embedded store below `folder`."""
    return "--data-dir", str(folder / "data")
