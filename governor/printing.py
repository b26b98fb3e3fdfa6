"""What the command line prints: tables, changes, JSON."""

import json
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 250
"""Columns of a table that no terminal bounds: room for the longest name, on one line."""


def print_json(value: object) -> None:
    """Print `value` as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - what this module is for


def print_status(status: dict[str, Any]) -> None:
    """Print the answer of `GET /v1/status` as a table; full scopes stand out."""
    store = status["store"]
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption=f"{store['server']} {store['version']} at {store['url']}",
    )
    table.add_column("scope", overflow="fold", min_width=25)
    for heading in ("in use", "max", "headroom", "peak", "granted", "denied", "overruns"):
        table.add_column(heading, justify="right")
    for scope in status["scopes"]:
        maximum = scope["max_concurrency"]
        full = maximum is not None and scope["in_use"] >= maximum
        table.add_row(
            scope["scope"] + (" (shadow)" if scope["mode"] == "shadow" else ""),
            str(scope["in_use"]),
            "-" if maximum is None else str(maximum),
            *(str(scope[total]) for total in ("headroom", "peak", "granted", "denied", "overruns")),
            style="bold" if full else None,
        )
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)


def print_changes(answer: dict[str, Any]) -> None:
    """Print the answer of `PUT /v1/policy`, a line for each thing that goes or comes."""
    console = Console(soft_wrap=True, highlight=False)
    for change in answer["changes"]:
        for sign, value, style in (("-", change["before"], "red"), ("+", change["after"], "green")):
            if value is not None:
                console.print(
                    f"{sign} {change['path']}: {_brief(value)}", style=style, markup=False
                )
    count = len(answer["changes"])
    done = "changed" if answer["applied"] else "would change"
    console.print(f"{count} {'setting' if count == 1 else 'settings'} {done}", style="bold")


def _brief(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
