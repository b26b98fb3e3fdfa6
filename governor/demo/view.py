"""How the demo looks: what it prints, on a screen and without one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from governor.demo.report import Row
from governor.demo.serving import ScopeNow

LIVE_EVERY_S: Final = 0.125
LINE_EVERY_S: Final = 3.0
WIDEST_BAR: Final = 20

NOTES: Final = """\
highest in_use: what really ran at once, from the handlers' own notes of when \
they began and ended. The service had no part in it.
added: what the layer takes of a granted invocation to check in and out, timed \
inside AWS's runtime from its call to its return, less the handler itself.
"""


class View(Protocol):
    """Shows how things are, and says how often it wants to."""

    every_s: float

    def show(
        self, passed_s: float, seconds: float, now: Sequence[ScopeNow], seen: Mapping[str, int]
    ) -> None:
        """Show the scopes `now`, and the highest in_use that the watcher has `seen` in each."""


class Screen:
    """A picture that moves."""

    every_s = LIVE_EVERY_S

    def __init__(self, live: Live) -> None:
        """Draw on `live`."""
        self._live = live

    def show(
        self, passed_s: float, seconds: float, now: Sequence[ScopeNow], seen: Mapping[str, int]
    ) -> None:
        """Draw the scopes."""
        progress = Table.grid(padding=(0, 1))
        progress.add_row(
            ProgressBar(seconds, passed_s, 40, complete_style="cyan", finished_style="cyan"),
            f"{passed_s:.0f} of {seconds:.0f} s",
        )
        table = _table("in_use", "granted", "denied\nby it", "highest\nin_use")
        table.add_column()
        for scope in now:
            maximum = "-" if scope.max_concurrency is None else f"{scope.max_concurrency}"
            table.add_row(
                scope.scope,
                f"{scope.in_use} / {maximum:>2}",
                str(scope.granted),
                str(scope.denied),
                str(seen[scope.scope]),
                bar(scope),
            )
        self._live.update(Group(progress, table), refresh=True)


class Lines:
    """A line now and then, for a log."""

    every_s = LINE_EVERY_S

    def __init__(self, console: Console) -> None:
        """Print on `console`."""
        self._console = console

    def show(
        self, passed_s: float, seconds: float, now: Sequence[ScopeNow], seen: Mapping[str, int]
    ) -> None:
        """Print a line; what the watcher has `seen` comes at the end."""
        del seen
        scopes = ", ".join(
            f"{scope.scope} {scope.in_use}"
            + ("" if scope.max_concurrency is None else f"/{scope.max_concurrency}")
            for scope in now
        )
        self._console.print(f"  {passed_s:2.0f} of {seconds:.0f} s  {scopes}", soft_wrap=True)


@contextmanager
def view(console: Console, *, headless: bool) -> Iterator[View]:
    """A view that lasts as long as the context."""
    if headless:
        yield Lines(console)
    else:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield Screen(live)


def bar(scope: ScopeNow) -> Text:
    """A square for each invocation that runs, and one for each that still may."""
    drawn = Text()
    maximum = scope.max_concurrency
    full = maximum is not None and scope.in_use >= maximum
    drawn.append("■" * min(scope.in_use, WIDEST_BAR), style="yellow" if full else "cyan")
    if maximum is not None:
        drawn.append("□" * (min(maximum, WIDEST_BAR) - scope.in_use), style="dim")
    return drawn


def verdict(rows: Sequence[Row], found: Sequence[str]) -> RenderableType:
    """The table, and whether all was as it must be."""
    table = _table(
        *("invo-\ncations", "granted", "denied", "max", "highest\nin_use"),
        *("added\np50 ms", "added\np99 ms"),
    )
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        table.add_row(
            row.scope,
            str(row.invocations),
            str(row.granted),
            str(row.denied),
            "-" if row.max_concurrency is None else str(row.max_concurrency),
            Text(str(row.highest), style=_style(row)),
            _ms(row.added_p50_ms),
            _ms(row.added_p99_ms),
            end_section=following is not None and _kind(row) != _kind(following),
        )
    return Group(table, Text(NOTES, style="dim"), *_conclusion(found))


def _table(*headings: str) -> Table:
    """A table of scopes."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("scope", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    return table


def _conclusion(found: Sequence[str]) -> Iterator[Text]:
    if found:
        for each in found:
            yield Text(f"✗ {each}", style="bold red")
    else:
        yield Text("✓ No limit was ever exceeded, and no invocation failed.", style="bold green")


def _style(row: Row) -> str:
    if row.exceeded:
        return "bold red"
    return "" if row.max_concurrency is None else "green"


def _kind(row: Row) -> str:
    return row.scope.partition(":")[0]


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
