"""Measure every figure and print it, all as a table in the end; exit with 1 if one is missed."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from tests.bench import (
    controller,
    dashboard,
    fleet,
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
    fleet.attaching,
    fleet.discovering,
)


WRONG_USE = 2


def main() -> int:
    """Run all benchmarks, or those whose names are given."""
    console = Console()
    by_name = {benchmark.__name__: benchmark for benchmark in BENCHMARKS}
    wanted = sys.argv[1:] or list(by_name)
    if unknown := [name for name in wanted if name not in by_name]:
        console.print(f"no benchmark {unknown[0]}; there are {', '.join(by_name)}", markup=False)
        return WRONG_USE
    figures = list(measured([by_name[name] for name in wanted], console))
    console.print(table(figures))
    return 0 if all(figure.holds for figure in figures) else 1


def measured(benchmarks: Iterable[Benchmark], console: Console) -> Iterator[Figure]:
    """Run `benchmarks`; print each figure at once, since all of them take a long time."""
    for benchmark in benchmarks:
        with console.status(f"measuring {benchmark.__name__} …"):
            figures = benchmark()
        for figure in figures:
            verdict = f" ({_must(figure)}: {_verdict(figure)})" if _must(figure) else ""
            console.print(f"{figure.name}: {_value(figure)}{verdict}", soft_wrap=True)
            yield figure


def table(figures: Iterable[Figure]) -> Table:
    """Return all of them side by side, and where they come from."""
    rows = Table("figure", "measured", "must be", "", "from", title="Figures of this tree")
    for figure in figures:
        rows.add_row(figure.name, _value(figure), _must(figure), _verdict(figure), figure.detail)
    return rows


def _value(figure: Figure) -> str:
    return f"{figure.value:.3g} {figure.unit}".rstrip()


def _must(figure: Figure) -> str:
    return "" if figure.bound is None else f"{figure.side} {figure.bound:g} {figure.unit}".rstrip()


def _verdict(figure: Figure) -> str:
    if figure.bound is None:
        return ""
    return "ok" if figure.holds else "[red]missed[/]"


if __name__ == "__main__":
    sys.exit(main())
