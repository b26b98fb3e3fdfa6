"""The demo's Lambda functions: they work for as long as their events say, and note when they did.

The watcher reads the notes. Times are CLOCK_MONOTONIC's: one clock for all processes of a machine.
"""  # noqa: INP001 - a function's folder is no package

import json
import os
import time
from pathlib import Path
from typing import Any

_journal = os.open(
    Path(os.environ["DEMO_JOURNAL"], f"{os.environ['AWS_LAMBDA_FUNCTION_NAME']}.{os.getpid()}"),
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    0o600,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Work: an HTTP API's request is one piece of it, each of a queue's messages another."""
    note("began", time.monotonic_ns())
    for each in event.get("Records", [event]):
        time.sleep(json.loads(each["body"])["work_s"])
    note("ended", time.monotonic_ns())
    return {"statusCode": 200, "body": "done"}


def note(what: str, *at_ns: int) -> None:
    """Write a line at once: it is there even if the process is killed the next moment."""
    os.write(_journal, f"{what} {' '.join(map(str, at_ns))}\n".encode())
