"""A process that invokes a handler as AWS's runtime does; prints what it has measured (JSON).

`python function.py WHAT`, with the layer on PYTHONPATH and its variables set. WHAT is one of

- `import`: what importing the layer and finding the function's handler adds, in ms and MB;
- `ssl`: what the interpreter itself takes to get ready for https, in ms and MB;
- `bare` or `governed`: invocations of a handler that does nothing, without the layer or behind it.
"""

import json
import os
import sys
import time
from collections.abc import Callable

import awslambdaric.bootstrap  # noqa: F401 - what the runtime has imported before any handler

INVOCATIONS = 100
PAUSE_S = 0.002
"""Between two invocations: time for the governor to finish with the check-out."""


class Context:
    """What a handler is told of its invocation."""

    def __init__(self, number: int) -> None:
        """Give it an id of its own."""
        self.aws_request_id = f"8476a536-e9f4-11e8-9739-{number:012d}"

    def get_remaining_time_in_millis(self) -> int:
        """Less than what would need a renewal."""
        return 3000


def cold_start() -> dict[str, float]:
    """Do what the runtime does with the handler's name before the first invocation.

    `import_ms` is for modules, `init_ms` for what follows: over https mostly the reading of the
    authorities that the system trusts.
    """
    before_mb = resident_mb()
    begin = time.perf_counter()
    import governor_layer  # noqa: PLC0415 - this is what is measured
    from governor_layer import target  # noqa: F401, PLC0415 - loaded by the look-up

    if os.environ["GOVERNOR_URL"].startswith("https:"):
        from governor_layer import tls  # noqa: F401, PLC0415 - likewise
    imported = time.perf_counter()
    assert callable(governor_layer.handler)
    ready = time.perf_counter()
    return {
        "import_ms": (imported - begin) * 1e3,
        "init_ms": (ready - imported) * 1e3,
        "resident_mb": resident_mb() - before_mb,
    }


def encryption() -> dict[str, float]:
    """Do what whoever talks https does at least, with the layer or without it."""
    before_mb = resident_mb()
    begin = time.perf_counter()
    import ssl  # noqa: PLC0415 - the layer's import is measured without it

    imported = time.perf_counter()
    kept = ssl.create_default_context()
    ready = time.perf_counter()
    assert kept.verify_mode is ssl.CERT_REQUIRED
    return {
        "import_ms": (imported - begin) * 1e3,
        "init_ms": (ready - imported) * 1e3,
        "resident_mb": resident_mb() - before_mb,
    }


def measured(what: str) -> dict[str, float]:
    """Measure what is asked for."""
    match what:
        case "import":
            return cold_start()
        case "ssl":
            return encryption()
        case _:
            return invocations(governed=what == "governed")


def invocations(*, governed: bool) -> dict[str, float]:
    """Invoke the handler again and again; `after_us` is the time from its return to the runtime."""
    returned = 0.0

    def handler(_event: object, _context: object) -> None:
        nonlocal returned
        returned = time.perf_counter()

    invoke: Callable[[object, object], object] = handler
    if governed:
        import governor_layer  # noqa: PLC0415 - a bare function has no layer in its memory

        invoke = governor_layer.governed(handler)
    took, after = [], []
    for number in range(INVOCATIONS):
        begin = time.perf_counter()
        invoke({}, Context(number))
        end = time.perf_counter()
        took.append(end - begin)
        after.append(end - returned)
        time.sleep(PAUSE_S)
    return {
        "first_ms": took[0] * 1e3,
        "total_ms": sum(took) * 1e3,
        "after_us": sorted(after)[INVOCATIONS // 2] * 1e6,
        "resident_mb": resident_mb(),
    }


def resident_mb() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib would count, too
        return int(file.read().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
