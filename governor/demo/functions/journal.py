"""What one runtime process notes, for the watcher: a line of text for each event.

The clock is CLOCK_MONOTONIC, one for all processes of a machine.
"""

import os

_name = f"{os.environ['AWS_LAMBDA_FUNCTION_NAME']}.{os.getpid()}"
_file = os.open(
    os.path.join(os.environ["DEMO_JOURNAL"], _name),  # noqa: PTH118 - pathlib is slow to import
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    0o600,
)


def note(what: str, *at_ns: int) -> None:
    """Write a line at once: it is there even if the process is killed the next moment."""
    os.write(_file, f"{what} {' '.join(map(str, at_ns))}\n".encode())
