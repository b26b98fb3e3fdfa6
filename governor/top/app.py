"""The terminal's screen: a table that follows the governor's stream."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static

from governor.client import Api, ApiError
from governor.service.bodies.status import StatusAnswer, UnavailableEvent
from governor.top.pressure import Row, View, view

AGAIN_AFTER_S: Final = 1.0
"""The pause before a lost governor is asked again."""

_EVENTS: Final = {"status": StatusAnswer, "unavailable": UnavailableEvent}

_BAR: Final = 20
_HEADINGS: Final = (
    "scope",
    "pressure",
    "in use",
    "max",
    "headroom",
    "peak",
    "granted/s",
    "denied/s",
    "overruns/s",
)


class Top(App[None]):
    """The live table. It asks one governor, and keeps asking when that is gone for a while."""

    TITLE = "governor top"
    CSS = """
    #state { height: 1; padding: 0 1; }
    #filter { display: none; border: none; height: 1; padding: 0 1; }
    #filter.open { display: block; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "filter", key_display="/"),
        Binding("p,space", "pause", "pause", key_display="p"),
        Binding("escape", "show_all", "show all"),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),  # also while the filter is written
    ]

    def __init__(self, url: str, token: str | None) -> None:
        """Follow the governor at `url`."""
        super().__init__()
        self._api = Api(url, token)
        self._status: dict[str, Any] = {}
        self._before: Mapping[str, Mapping[str, Any]] = {}
        self._at_s = 0.0
        self._elapsed_s = 0.0
        self._lost = ""
        self.paused = False

    def compose(self) -> ComposeResult:
        """Lay out: what is going on, the filter when it is wanted, the table, the keys."""
        yield Static(id="state", markup=False)
        yield Input(placeholder="part of a scope's name", id="filter")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to follow."""
        table = self.query_one(DataTable)
        for heading in _HEADINGS:
            table.add_column(heading, key=heading)
        table.focus()
        self.run_worker(self._follow(), exit_on_error=True)

    async def _follow(self) -> None:
        async with self._api as api:
            while True:
                try:
                    async for event, data in api.events("/v1/stream", _EVENTS):
                        self._heed(event, data)
                except ApiError as error:
                    if error.status:
                        self.exit(return_code=1, message=f"governor: {error}")
                        return
                    self._lost = str(error)
                    self._draw()
                await asyncio.sleep(AGAIN_AFTER_S)

    def _heed(self, event: str, data: dict[str, Any]) -> None:
        if self.paused:
            return
        if event == "status":
            now_s = time.monotonic()
            self._before = {each["scope"]: each for each in self._status.get("scopes", ())}
            self._elapsed_s, self._at_s = now_s - self._at_s, now_s
            self._status, self._lost = data, ""
        else:
            self._lost = data["detail"]
        self._draw()

    def _draw(self) -> None:
        wanted = self.query_one("#filter", Input).value
        found = view(self._status.get("scopes", ()), self._before, self._elapsed_s, wanted)
        table = self.query_one(DataTable)
        selected = table.cursor_row
        table.clear()
        for row in found.rows:
            table.add_row(*_cells(row), key=row.scope)
        table.move_cursor(row=min(selected, max(0, len(found.rows) - 1)))
        self.query_one("#state", Static).update(self._state(found))

    def _state(self, found: View) -> str:
        words = [self._api.place]
        if self.paused:
            words.append("paused")
        if self._lost:
            words.append(self._lost)
        controller = self._status.get("controller") or {}
        if controller.get("leader"):
            report = controller.get("report") or {}
            words.append(f"controller {report.get('state', 'leads')}")
        shown = len(found.rows)
        more = f"{shown} of {found.matching:,}" if shown < found.matching else f"{shown:,}"
        return "  ·  ".join([*words, f"{more} scopes"])

    def on_input_changed(self) -> None:
        """Show what matches, letter by letter."""
        self._draw()

    def on_input_submitted(self) -> None:
        """Go back to the table; the filter stays."""
        self.query_one(DataTable).focus()

    def action_find(self) -> None:
        """Ask for a part of a name."""
        wanted = self.query_one("#filter", Input)
        wanted.add_class("open")
        wanted.focus()

    def action_show_all(self) -> None:
        """Filter no more."""
        wanted = self.query_one("#filter", Input)
        wanted.value = ""
        wanted.remove_class("open")
        self.query_one(DataTable).focus()

    def action_pause(self) -> None:
        """Hold the picture, or go on."""
        self.paused = not self.paused
        self._draw()


def _cells(row: Row) -> list[Text]:
    limited = row.max_concurrency is not None
    full = row.pressure >= 1
    style = "bold red" if full and not row.shadow else "bold" if full else ""
    filled = round(min(1.0, row.pressure) * _BAR)
    bar = f"{'█' * filled}{'·' * (_BAR - filled)} {row.pressure:4.0%}" if limited else ""
    name = f"{row.scope} (shadow)" if row.shadow else row.scope
    denied = row.shadow_denied if row.shadow else row.denied
    numbers = [
        f"{row.in_use:,}",
        f"{row.max_concurrency:,}" if limited else "-",
        f"{row.headroom:,}",
        f"{row.peak:,}",
        *(f"{rate:,.1f}" if rate else "" for rate in (row.granted, denied, row.overruns)),
    ]
    return [
        Text(name, style),
        Text(bar, style),
        *(Text(number, style, justify="right") for number in numbers),
    ]
