"""Measure every figure, print them as a table, exit with 1 if one is not what it must be."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.bench import (
    controller,
    dashboard,
    footprint,
    http,
    layer,
    ledger,
    plan,
    simulate,
    sizing,
    waiting,
)
from tests.bench.figures import Benchmark, Figure

BENCHMARKS: Sequence[Benchmark] = (
    http.check_ins,
    ledger.throughput,
    ledger.growth,
    waiting.wake_up,
    footprint.memory,
    sizing.sizing,
    layer.layer_latency,
    layer.layer_check_out,
    layer.layer_import,
    layer.layer_process,
    layer.layer_outage,
    plan.planning,
    controller.calls,
    controller.reaction,
    simulate.simulate_speed,
    simulate.simulate_knock,
    simulate.simulate_dead_letters,
    dashboard.dashboard,
)


def main() -> int:
    """Run all benchmarks, or those whose names are given."""
    console = Console()
    wanted = sys.argv[1:]
    figures: list[Figure] = []
    for benchmark in BENCHMARKS:
        if not wanted or benchmark.__name__ in wanted:
            with console.status(f"measuring {benchmark.__name__} …"):
                figures += benchmark()
    table = Table("figure", "measured", "must be", "", "from", title="Figures of this tree")
    for figure in figures:
        must = "" if figure.bound is None else f"{figure.side} {figure.bound:g} {figure.unit}"
        verdict = "" if figure.bound is None else ("ok" if figure.holds else "[red]missed")
        table.add_row(
            figure.name, f"{figure.value:.3g} {figure.unit}", must, verdict, figure.detail
        )
    console.print(table)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
