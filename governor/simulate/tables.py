"""A comparison as a table: a column for each policy, with what the seeds differ by."""

from collections.abc import Callable
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from governor.printing import PIPED_WIDTH, console
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


Row = tuple[str, str, Shown]
"""What is shown of `Figures`: its name, its field, how."""

SECTIONS: Final[tuple[tuple[str, tuple[Row, ...]], ...]] = (
    (
        "user-facing",
        (
            ("requests", "user_requests", _count),
            ("refused at least once", "user_refused", _count),
            ("… as a part of all", "user_refused_part", _part),
            ("answers: throttled by AWS", "user_throttled", _count),
            ("answers: denied", "user_denied", _count),
            ("given up", "user_lost", _count),
            ("p50", "user_p50_s", _seconds),
            ("p99", "user_p99_s", _seconds),
        ),
    ),
    (
        "background",
        (
            ("a burst is done after", "completion_s", _seconds),
            ("done", "background_done", _count),
            ("done per second", "background_per_s", _count),
            ("p99, arrival to end", "background_p99_s", _seconds),
            ("throttled by AWS", "background_throttled", _count),
            ("denied by the governor", "background_denied", _count),
            ("events lost", "lost", _count),
        ),
    ),
    (
        "the account",
        (
            ("the pool's utilisation", "utilisation", _part),
            ("reserved and idle, slot-s", "wasted_slot_s", _count),
            ("a group above its limit", "above_group_s", _seconds),
            ("overruns", "overruns", _count),
            ("in a dead-letter queue", "dead", _count),
            ("… denied once or more", "dead_denied", _count),
            ("on their way at the end", "outstanding", _count),
            ("cold starts", "cold_starts", _count),
            ("control-plane calls", "control_calls", _count),
        ),
    ),
)


def cell(estimate: Estimate | None, shown: Shown, *, brief: bool = False) -> str:
    """Return a mean with half of its interval, unless `brief`; a dash if nothing was measured."""
    if estimate is None:
        return "-"
    half = 0.0 if brief else (estimate.high - estimate.low) / 2
    factor, form, unit = shown(estimate.mean)
    text = f"{factor * estimate.mean:{form}}"
    return text + (f" ± {factor * half:{form}}" if half else "") + unit


def seeds(comparison: Comparison) -> str:
    """Say how many runs each policy has."""
    number = len(next(iter(comparison.runs.values())))
    return "1 seed" if number == 1 else f"{number} seeds"


def print_comparison(comparison: Comparison) -> None:
    """Print it, and what was wrong with recorded files."""
    out = console()
    table = _table(comparison, brief=False)
    unbounded = out.options.update_width(PIPED_WIDTH)
    if out.measure(table, options=unbounded).maximum > out.width:
        table = _table(comparison, brief=True)
    out.print(table)
    for flaw in comparison.flaws:
        out.print(f"recorded: {flaw}", style="yellow")


def _table(comparison: Comparison, *, brief: bool) -> Table:
    """A table; a `brief` one is for narrow terminals."""
    head = comparison.scenario.head
    told = "means (more on a wider terminal)" if brief else "mean ± 95 % confidence"
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=Text(head.title or comparison.scenario.name),
        caption=f"{head.length_s:,.0f} s, {seeds(comparison)}; {told}",
    )
    table.add_column("")
    for policy in comparison.runs:
        table.add_column(policy, justify="right", no_wrap=True)
    for section, rows in SECTIONS:
        table.add_row(section, style="bold")
        for name, figure, shown in rows:
            estimates = [comparison.estimate(policy, figure) for policy in comparison.runs]
            cells = [cell(each, shown, brief=brief) for each in estimates]
            is_empty = not any(each and each.high for each in estimates)
            table.add_row(f"  {name}", *cells, style="dim" if is_empty else None)
        table.add_section()
    return table
