"""What the service and the layer take up."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from tests.bench.figures import Bound, Figure, median
from tests.bench.governors import governor, put

FUNCTIONS = 10_000
IMPORTS = 31
LAYER = Path(__file__).parents[2] / "lambda_layer" / "python"
_IMPORT = (
    "import awslambdaric.bootstrap, time; begin = time.perf_counter(); "
    "import governor_layer; print((time.perf_counter() - begin) * 1e3)"
)


def memory() -> list[Figure]:
    """Resident memory of the service's processes (not the store's) with a large policy."""
    with governor() as service:
        functions = {
            f"function-{number}": {"max_concurrency": 10, "groups": [f"group-{number % 100}"]}
            for number in range(FUNCTIONS)
        }
        groups = {f"group-{number}": {"max_concurrency": 100} for number in range(100)}
        put(service, "/v1/policy", {"functions": functions, "groups": groups})
        (worker,) = service.workers()
        processes = (worker, psutil.Process(service.pid))
        resident = [each.memory_info().rss / 2**20 for each in processes]
    return [
        Figure(
            f"service: resident memory with {FUNCTIONS:,} functions",
            sum(resident),
            f"worker {resident[0]:.0f} MB + supervisor {resident[1]:.0f} MB",
            Bound.AT_MOST,
            120,
            "MB",
        )
    ]


def layer_import() -> list[Figure]:
    """Wall time that importing the layer adds to what the runtime has imported anyway.

    With its bytecode at hand, and without: what a cold start pays where none is shipped.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = _import_ms({"PYTHONPYCACHEPREFIX": folder})
    compiled = _import_ms({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/nonexistent"})
    detail = f"median of {IMPORTS} fresh processes"
    return [
        Figure("layer: import on top of awslambdaric", kept, detail, Bound.AT_MOST, 5, "ms"),
        Figure("layer: the same, compiled from source each time", compiled, detail, unit="ms"),
    ]


def _import_ms(variables: dict[str, str]) -> float:
    environment = os.environ | {"PYTHONPATH": str(LAYER)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return median(
        [
            float(
                subprocess.check_output(
                    [sys.executable, "-c", _IMPORT], env=environment | variables
                )
            )
            for _ in range(IMPORTS)
        ]
    )
