"""The demo's Lambda function, and a stopwatch before the layer that governs it.

Both note what happens for the watcher, by CLOCK_MONOTONIC: one for all processes of a machine.
"""  # noqa: INP001 - a function's folder is no package

import os
import time
from pathlib import Path

import governor_layer

_journal = os.open(
    Path(os.environ["DEMO_JOURNAL"], f"{os.environ['AWS_LAMBDA_FUNCTION_NAME']}.{os.getpid()}"),
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    0o600,
)


def handler(event: dict[str, float], _context: object) -> dict[str, bool]:
    """Work for as long as the event says."""
    _note("began", time.monotonic_ns())
    time.sleep(event["hold_ms"] / 1000)
    _note("ended", time.monotonic_ns())
    return {"worked": True}


def stopwatch(event: object, context: object) -> object:
    """Call the layer's handler, as the runtime would; the layer calls `handler`, if it may run."""
    called_ns = time.monotonic_ns()
    try:
        return governor_layer.handler(event, context)
    finally:
        _note("passed", called_ns, time.monotonic_ns())


def _note(what: str, *at_ns: int) -> None:
    """Write a line at once: it is there even if the process is killed the next moment."""
    os.write(_journal, f"{what} {' '.join(map(str, at_ns))}\n".encode())
