"""A comparison as a table: a column for each policy, with what the seeds differ by."""

from collections.abc import Callable
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from governor.printing import console
from governor.simulate.comparison import Comparison
from governor.simulate.results import Estimate

Shown = Callable[[float], tuple[float, str, str]]
"""From a mean to a factor, a format and a unit: for the mean, and for what it may be off by."""


def _count(_: float) -> tuple[float, str, str]:
    return 1, ",.0f", ""


def _seconds(mean: float) -> tuple[float, str, str]:
    return (1, ",.1f", " s") if mean >= 10 else (1000, ",.0f", " ms")  # noqa: PLR2004


def _part(_: float) -> tuple[float, str, str]:
    return 100, ".2f", " %"


ROWS: Final[tuple[tuple[str, str, Shown], ...]] = (
    ("user-facing requests", "user_requests", _count),
    ("… refused at least once", "user_refused", _count),
    ("… as a part of all", "user_refused_part", _part),
    ("… throttled by AWS (answers)", "user_throttled", _count),
    ("… denied by the governor (answers)", "user_denied", _count),
    ("… given up", "user_lost", _count),
    ("user-facing p50", "user_p50_s", _seconds),
    ("user-facing p99", "user_p99_s", _seconds),
    ("a burst is done after", "completion_s", _seconds),
    ("background done", "background_done", _count),
    ("background done per second", "background_per_s", _count),
    ("background p99, arrival to end", "background_p99_s", _seconds),
    ("background throttled by AWS", "background_throttled", _count),
    ("background denied by the governor", "background_denied", _count),
    ("overruns", "overruns", _count),
    ("messages in a dead-letter queue", "dead", _count),
    ("… that the governor had denied", "dead_denied", _count),
    ("events lost", "lost", _count),
    ("still on their way at the end", "outstanding", _count),
    ("the pool's utilisation", "utilisation", _part),
    ("reserved and idle, slot-seconds", "wasted_slot_s", _count),
    ("a group above its limit for", "above_group_s", _seconds),
    ("cold starts", "cold_starts", _count),
    ("control-plane calls", "control_calls", _count),
)
"""What is shown of `Figures`: its name, its field, how."""


def cell(estimate: Estimate | None, shown: Shown) -> str:
    """Return a mean with half of its interval; nothing where nothing was measured."""
    if estimate is None:
        return "-"
    half = (estimate.high - estimate.low) / 2
    factor, form, unit = shown(estimate.mean)
    text = f"{factor * estimate.mean:{form}}"
    return text + (f" ± {factor * half:{form}}" if half else "") + unit


def print_comparison(comparison: Comparison) -> None:
    """Print it, and what was wrong with recorded files."""
    scenario = comparison.scenario
    seeds = len(next(iter(comparison.runs.values())))
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=Text(scenario.head.title or scenario.name),
        caption=f"{scenario.head.length_s:,.0f} s, {seeds} seeds; mean ± 95 % confidence",
    )
    table.add_column("")
    for policy in comparison.runs:
        table.add_column(policy, justify="right")
    for name, figure, shown in ROWS:
        table.add_row(
            name, *(cell(comparison.estimate(policy, figure), shown) for policy in comparison.runs)
        )
    out: Console = console()
    out.print(table)
    for flaw in comparison.flaws:
        out.print(f"recorded: {flaw}", style="yellow", markup=False)
