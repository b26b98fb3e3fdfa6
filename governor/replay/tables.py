"""What `governor replay` and `governor recommend` print."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from governor.printing import console
from governor.replay.advice import Advice
from governor.replay.trace import Source, Step
from governor.replay.verdicts import Comparison, Coverage, Verdict

MOST_ROWS = 20
"""Functions, scopes and minutes that a table shows; JSON has them all."""


@contextmanager
def progress(source: Source, doing: str) -> Iterator[Callable[[Step], None]]:
    """Show a bar on a terminal while `source` is read; yields what wants to see each step."""
    errors = Console(stderr=True)
    columns = (doing, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(doing, total=1.0)
        yield lambda _: bar.update(task, completed=source.read)


def print_comparison(comparison: Comparison) -> None:
    """Print policies side by side, and below whom each would have denied, and when."""
    out = console()
    _print_coverage(out, comparison.record)
    headings = ("invocations", "denied", "share", "user-facing denied", "shadow denied")
    table = _table("policy", *headings, "waited", "mean wait", "longest")
    for verdict in comparison.verdicts:
        waited = verdict.waited
        table.add_row(
            Text(verdict.policy),
            f"{verdict.invocations}",
            f"{verdict.denied}",
            _share(verdict.denied, verdict.invocations),
            f"{verdict.user_facing_denied}",
            f"{verdict.shadow_denied}",
            f"{waited.ran + waited.gave_up}",
            f"{waited.mean_ms / 1000:.1f} s",
            f"{waited.longest_ms / 1000:.1f} s",
        )
    out.print(table)
    _print_peaks(out, comparison.verdicts)
    for verdict in comparison.verdicts:
        _print_denials(out, verdict)


def print_advice(advice: Advice) -> None:
    """Print each proposed number and why, and what the proposal comes to on its record."""
    out = console()
    _print_coverage(out, advice.record)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("setting", overflow="fold", min_width=25)
    table.add_column("proposed", justify="right")
    table.add_column("because", overflow="fold")
    for reason in advice.proposal.reasons:
        table.add_row(Text(reason.path), Text(f"{reason.value}"), Text(reason.why))
    out.print(table)
    for line in summary(advice).splitlines():
        out.print(line, style="bold", highlight=False)


def summary(advice: Advice) -> str:
    """Say what a proposal comes to on its own record."""
    verdict = advice.verdict
    return (
        "Everything is in shadow mode: it counts what it would deny, and denies nothing.\n"
        f"Enforced on this record it denies {verdict.user_facing_denied} of user-facing functions' "
        f"and {verdict.denied - verdict.user_facing_denied} of background functions' invocations."
    )


def span(record: Coverage) -> str:
    """Say what a source holds."""
    return (
        f"{record.begins} to {record.ends}: {_many(record.invocations, 'invocation')} of "
        f"{_many(record.functions, 'function')}, {record.denied:,} of them denied"
    )


def _print_coverage(out: Console, record: Coverage) -> None:
    out.print(span(record), style="bold", highlight=False)
    if record.gaps:
        out.print(
            f"{_many(record.gaps, 'gap')}: {record.covered_s:,.0f} s are recorded", style="yellow"
        )
    for flaw, times in record.flaws.items():
        out.print(f"{flaw}: {times:,}", style="yellow", highlight=False)


def _print_peaks(out: Console, verdicts: list[Verdict]) -> None:
    table = _table("peak in use", *(verdict.policy for verdict in verdicts))
    scopes = {scope for verdict in verdicts for scope in verdict.peaks}
    highest = {scope: max(each.peaks.get(scope, 0) for each in verdicts) for scope in scopes}
    for scope in sorted(scopes, key=lambda each: (-highest[each], each))[:MOST_ROWS]:
        table.add_row(Text(scope), *(f"{each.peaks.get(scope, 0)}" for each in verdicts))
    out.print(table)


def _print_denials(out: Console, verdict: Verdict) -> None:
    denied = [each for each in verdict.functions if each.denied or each.shadow_denied_by]
    if not denied:
        out.print(Text(f"{verdict.policy} denies nothing"), style="bold")
        return
    table = _table(f"{verdict.policy} denies", "priority", "invocations", "denied", "share", "by")
    for each in denied[:MOST_ROWS]:
        by = [f"{scope} {number}" for scope, number in each.denied_by.items()]
        by += [f"{scope} {number} (shadow)" for scope, number in each.shadow_denied_by.items()]
        table.add_row(Text(each.function), each.priority, f"{each.invocations}", f"{each.denied}",
                      _share(each.denied, each.invocations), Text(", ".join(by)))  # fmt: skip
    out.print(table)
    if len(denied) > MOST_ROWS:
        out.print(f"and {len(denied) - MOST_ROWS} more functions: see --json")
    if verdict.worst_minutes:
        minutes = _table("worst minutes", "invocations", "denied", "most of")
        for minute in verdict.worst_minutes:
            most = sorted(minute.functions.items(), key=lambda each: -each[1])[:3]
            whom = ", ".join(f"{name} {number}" for name, number in most)
            minutes.add_row(minute.at, f"{minute.invocations}", f"{minute.denied}", Text(whom))
        out.print(minutes)


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(Text(first), overflow="fold", min_width=25)
    for heading in others:
        table.add_column(Text(heading), justify="right", overflow="fold")
    return table


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"
