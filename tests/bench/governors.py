"""Processes under measurement."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import psutil


@dataclass(frozen=True, slots=True)
class Governor:
    """A running service."""

    port: int
    process: psutil.Process

    def put(self, path: str, body: object) -> None:
        """Set limits."""
        request = Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        with urlopen(request) as response:
            response.read()


@contextmanager
def governor(*options: str) -> Iterator[Governor]:
    """Run `governor serve` with its embedded store."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "governor", "serve", "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(Path(folder, "data")), *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield Governor(int(line.rpartition(":")[2]), psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait()


@contextmanager
def noop_server() -> Iterator[int]:
    """Run the server that answers nothing; yield its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.noop"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
