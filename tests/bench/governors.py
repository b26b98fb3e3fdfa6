"""Processes under measurement."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from tests.governors import Governor


@contextmanager
def governor() -> Iterator[Governor]:
    """Run `governor serve` as it comes, with an embedded store of its own."""
    with tempfile.TemporaryDirectory() as folder, Governor("--data-dir", folder) as service:
        yield service


def put(service: Governor, path: str, body: object) -> None:
    """Set limits."""
    headers = {"Content-Type": "application/json"}
    request = Request(service.url + path, json.dumps(body).encode(), headers, method="PUT")
    with urlopen(request) as response:
        response.read()


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
