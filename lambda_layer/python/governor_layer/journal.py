"""The layer's log lines: one JSON object each, on the process's standard output.

Not on `sys.stdout`, which is the handler's to replace, and would keep what is written into it.
"""

import contextlib
import json
import os

STDOUT = 1


def write(level: str, message: str, **fields: object) -> None:
    """Log `message` at `level` (WARN or INFO)."""
    put({"level": level, "message": f"governor: {message}", **fields})


def put(line: "dict[str, object]") -> None:
    """Write `line`; an output that is closed is put up with."""
    text = json.dumps(line) + "\n"  # in one piece, or the lines of two threads would mingle
    with contextlib.suppress(OSError):
        os.write(STDOUT, text.encode())
