"""What the service takes up."""

import psutil

from tests.bench.figures import Bound, Figure
from tests.bench.governors import governor, put

FUNCTIONS = 10_000
TAGS = 8


def memory() -> list[Figure]:
    """Resident memory of the service's processes (not the store's) with a large policy."""
    with governor() as service:
        functions = {
            f"function-{number}": {"max_concurrency": 10, "groups": [f"group-{number % 100}"]}
            for number in range(FUNCTIONS)
        }
        groups = {f"group-{number}": {"max_concurrency": 100} for number in range(100)}
        put(service, "/v1/policy", {"functions": functions, "groups": groups})
        tags = {
            name: {f"tag-{n}": f"value-{number % 10 ** (n + 1)}" for n in range(TAGS)}
            for number, name in enumerate(functions)
        }
        put(service, "/v1/facts/tags", {"tags": tags})
        (worker,) = service.workers()
        processes = (worker, psutil.Process(service.pid))
        resident = [each.memory_info().rss / 2**20 for each in processes]
    return [
        Figure(
            f"service: resident memory with {FUNCTIONS:,} functions, {TAGS} tags each",
            sum(resident),
            f"worker {resident[0]:.0f} MB + supervisor {resident[1]:.0f} MB",
            Bound.AT_MOST,
            120,
            "MB",
        )
    ]
