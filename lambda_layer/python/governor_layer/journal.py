"""The layer's log lines: one JSON object each, on the function's own standard output."""

import json
import sys


def write(level: str, message: str, **fields: object) -> None:
    """Log `message` at `level` (WARN or INFO)."""
    put({"level": level, "message": f"governor: {message}", **fields})


def put(line: "dict[str, object]") -> None:
    """Write `line`; an output that is closed is put up with."""
    text = json.dumps(line) + "\n"  # in one piece, or the lines of two threads would mingle
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
