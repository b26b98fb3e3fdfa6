"""The layer's log lines: one JSON object each, on the function's own standard output."""

import json
import sys


def write(level: str, message: str, **fields: object) -> None:
    """Log `message` at `level` (WARN or INFO); an output that is closed is put up with."""
    line = json.dumps({"level": level, "message": f"governor: {message}", **fields})
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
