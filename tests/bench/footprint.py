"""What the service and the layer take up."""

import os
import subprocess
import sys
from pathlib import Path

from tests.bench.figures import Bound, Figure, median
from tests.bench.governors import governor

FUNCTIONS = 10_000
IMPORTS = 31
LAYER = Path(__file__).parents[2] / "lambda_layer" / "python"
_IMPORT = (
    "import awslambdaric.bootstrap, time; begin = time.perf_counter(); "
    "import governor_layer; governor_layer.handler; print(time.perf_counter() - begin)"
)


def memory() -> list[Figure]:
    """Resident memory of the service's processes (not the store's) with a large policy."""
    with governor() as service:
        functions = {
            f"function-{number}": {"max_concurrency": 10, "groups": [f"group-{number % 100}"]}
            for number in range(FUNCTIONS)
        }
        groups = {f"group-{number}": {"max_concurrency": 100} for number in range(100)}
        service.put("/v1/policy", {"functions": functions, "groups": groups})
        children = service.process.children()
        (worker,) = (each for each in children if "governor.service.worker" in each.cmdline())
        resident = [each.memory_info().rss / 2**20 for each in (worker, service.process)]
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
    """Wall time that importing the layer adds to what the runtime has imported anyway."""
    environment = os.environ | {
        "PYTHONPATH": str(LAYER),
        "GOVERNOR_URL": "http://127.0.0.1:8642",
        "GOVERNOR_HANDLER": "tests.bench.noop.nothing",
    }
    command = [sys.executable, "-c", _IMPORT.replace("governor_layer.handler; ", "")]
    times = [float(subprocess.check_output(command, env=environment)) * 1e3 for _ in range(IMPORTS)]
    return [
        Figure(
            "layer: import on top of awslambdaric",
            median(times),
            f"median of {IMPORTS} fresh processes",
            Bound.AT_MOST,
            5,
            "ms",
        )
    ]
