"""How the demo looks while it runs: what it prints, on a screen and without one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from governor.demo.chart import chart
from governor.demo.recording import Event, Sample
from governor.demo.report import Mark, Row

LIVE_EVERY_S: Final = 0.25
LINE_EVERY_S: Final = 4.0

COLUMNS: Final = 36
"""Of a chart: two stand side by side in 80."""

MOST_EVENTS: Final = 3

NAMES: Final = ("without the governor", "with the governor")

STYLES: Final = {Mark.PLAIN: "", Mark.GOOD: "green", Mark.BAD: "bold red"}

NOTES: Final = """\
most at once: what really ran, from the handlers' own notes of when they began and ended. The \
service had no part in it.
the layer added: what it takes of a granted invocation to check in and out, timed inside AWS's \
runtime from its call to its return, less the handler itself.
"""


class View(Protocol):
    """Shows how things are, and says how often it wants to."""

    every_s: float

    def show(
        self, without: Sequence[Sample], governed: Sequence[Sample], events: Sequence[Event]
    ) -> None:
        """Show both phases as far as they have come, and what the controller has done."""


class Screen:
    """A picture that moves. Its time axis is `axis_s` long, the pool goes up to `limit`."""

    every_s = LIVE_EVERY_S

    def __init__(self, live: Live, axis_s: float, limit: int) -> None:
        """Draw on `live`."""
        self._live = live
        self._axis_s = axis_s
        self._limit = limit

    def show(
        self, without: Sequence[Sample], governed: Sequence[Sample], events: Sequence[Event]
    ) -> None:
        """Draw both."""
        both = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        for name in NAMES:
            both.add_column(name, width=COLUMNS)
        both.add_row(*(self._picture(samples) for samples in (without, governed)))
        self._live.update(Group(both, *_last(events)), refresh=True)

    def _picture(self, samples: Sequence[Sample]) -> RenderableType:
        drawn = chart(samples, COLUMNS, self._axis_s, self._limit)
        if not samples:
            return Group(drawn, Text("comes next", style="dim"))
        now = samples[-1]
        return Group(drawn, *_figures(now, self._limit))


class Lines:
    """A line now and then, for a log."""

    every_s = LINE_EVERY_S

    def __init__(self, console: Console) -> None:
        """Print on `console`."""
        self._console = console
        self._told = 0

    def show(
        self, without: Sequence[Sample], governed: Sequence[Sample], events: Sequence[Event]
    ) -> None:
        """Print a line on the phase that runs, and one on each new event."""
        for event in events[self._told :]:
            self._print(f"{event.at_s:4.0f} s  {event.text}")
        self._told = len(events)
        now = (governed or without)[-1]
        self._print(
            f"{now.at_s:4.0f} s  {NAMES[bool(governed)]}: {now.users} users' and "
            f"{now.background} background run, {now.waiting} messages wait; "
            f"of {now.served + now.refused} requests {now.refused} refused"
        )

    def _print(self, line: str) -> None:
        self._console.print(f"  {line}", soft_wrap=True)


@contextmanager
def view(console: Console, *, headless: bool, axis_s: float, limit: int) -> Iterator[View]:
    """A view that lasts as long as the context. The screen's last picture stays."""
    if headless:
        yield Lines(console)
    else:
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            yield Screen(live, axis_s, limit)


def verdict(rows: Sequence[Row], found: Sequence[str]) -> RenderableType:
    """The table, and whether all was as it must be."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("")
    for name in ("without", "with"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = (Text(each.text, STYLES[each.mark]) for each in (row.without, row.governed))
        table.add_row(row.what, *cells)
    return Group(table, Text(NOTES, style="dim"), *_conclusion(found))


def _figures(now: Sample, limit: int) -> Iterator[Text]:
    yield Text.assemble(
        ("■ ", "blue"), f"users {now.users:<4}", ("■ ", "yellow"), f"background {now.background}"
    )
    refused = (f"{now.refused} refused", "bold red" if now.refused else "green")
    yield Text.assemble(f"requests {now.served} served, ", refused)
    yield Text(f"messages {now.done} done, {now.waiting} waiting")
    held = " and ".join("any" if each is None else f"{each}" for each in now.allowed)
    yield Text(f"of {limit}; queues may run {held}", style="dim")


def _last(events: Sequence[Event]) -> Iterator[Text]:
    yield Text("What the controller does, and why", style="bold" if events else "dim")
    for event in events[-MOST_EVENTS:]:
        yield Text(f"{event.at_s:3.0f} s  {event.text}")


def _conclusion(found: Sequence[str]) -> Iterator[Text]:
    if found:
        for each in found:
            yield Text(f"✗ {each}", style=STYLES[Mark.BAD])
    else:
        yield Text(
            "✓ With the governor no limit was exceeded and no user was refused.",
            style="bold green",
        )
