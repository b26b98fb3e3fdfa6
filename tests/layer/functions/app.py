"""Handlers that the tests run in an execution environment."""

import os
import sys
import time
from typing import Any

from governor_layer import governed


def hold(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take `hold_ms`, then tell which process this was."""
    time.sleep(event.get("hold_ms", 0) / 1000)
    return {"pid": os.getpid(), "request_id": context.aws_request_id}


def hold_until_gone(event: dict[str, Any], _context: Any) -> str:
    """Run until the file `until_gone` is no more."""
    while os.path.exists(event["until_gone"]):  # noqa: PTH110 - pathlib is slow to import
        time.sleep(0.005)
    return "done"


def fail(event: dict[str, Any], _context: Any) -> None:
    """Raise an error of the function's own."""
    raise ValueError(event["complaint"])


def leave(event: dict[str, Any], _context: Any) -> None:
    """End the runtime's process."""
    sys.exit(event["exit_status"])


def tell(_event: object, _context: object) -> dict[str, str]:
    """Return the variables."""
    return dict(os.environ)


decorated = governed(hold_until_gone)
