"""What the command line prints: tables, changes, JSON."""

import json
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 250
"""Columns of a table that no terminal bounds: room for the longest name, on one line."""

MOST_QUEUES = 20
"""Queues that a table has, at most."""

MOST_MOVES = 100
"""Functions that moved, in a table, at most."""


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
    out = console()
    out.print(table)
    report = status["controller"]["report"]
    waiting = [each for each in report["mappings"] if each["messages"]] if report else []
    if waiting:
        out.print(_queues(waiting))


def _queues(mappings: list[dict[str, Any]]) -> Table:
    """Queues in which something waits, the one with the oldest message first."""
    mappings = sorted(mappings, key=lambda each: (-(each["oldest_s"] or 0), -each["messages"]))
    more = len(mappings) - MOST_QUEUES
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption=f"and {more} more queues" if more > 0 else None,
    )
    table.add_column("queue of", overflow="fold", min_width=25)
    for heading in ("waiting", "oldest", "allowed", "running"):
        table.add_column(heading, justify="right")
    for each in mappings[:MOST_QUEUES]:
        oldest, allowed = each["oldest_s"], each["allowed"]
        table.add_row(
            Text(each["function"]),
            str(each["messages"]),
            "-" if oldest is None else f"{oldest:.0f} s",
            "-" if allowed is None else str(allowed),
            str(each["observed"]),
        )
    return table


def console(**options: Any) -> Console:
    """Return where to print, with rich's `options`: the terminal, or what is wide enough for a log.

    It takes text as it is: addresses and reasons may have what rich would read as markup.
    """
    out = Console(markup=False, emoji=False, **options)
    if not out.is_terminal:
        out.width = PIPED_WIDTH
    return out


def print_plan(plan: dict[str, Any]) -> None:
    """Print what a controller would do now, and what it leaves as it is."""
    out = console()
    for missing in plan["missing"]:
        out.print(f"could not be read: {missing}", style="yellow")
    if plan["actions"]:
        out.print(_reasons("would do", plan["actions"]))
    if plan["non_actions"]:
        out.print(_reasons("would leave", plan["non_actions"]))
    count = len(plan["actions"])
    out.print(f"{count} {'action' if count == 1 else 'actions'} planned", style="bold")
    if plan["paused"] or not plan["enabled"]:
        why = "is paused" if plan["paused"] else "is disabled by the policy"
        out.print(f"the controller {why}: it would do nothing of this", style="bold")


def print_restored(answer: dict[str, Any]) -> None:
    """Print what was put back in AWS, and what was left."""
    out = console()
    for heading, rows in (("restored", answer["restored"]), ("left", answer["left"])):
        if rows:
            out.print(_reasons(heading, rows))
    out.print(
        f"{len(answer['restored'])} restored, {len(answer['left'])} left; "
        "the controller is paused until `governor controller resume`",
        style="bold",
    )


def _reasons(heading: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(heading, overflow="fold", min_width=25)
    table.add_column("because", overflow="fold")
    for row in rows:
        table.add_row(Text(row["subject"]), Text(row["reason"]))
    return table


def print_changes(answer: dict[str, Any]) -> None:
    """Print the answer of `PUT /v1/policy`, a line for each thing that goes or comes."""
    out = console(soft_wrap=True, highlight=False)
    for change in answer["changes"]:
        for sign, value, style in (("-", change["before"], "red"), ("+", change["after"], "green")):
            if value is not None:
                out.print(f"{sign} {change['path']}: {_brief(value)}", style=style)
    count = len(answer["changes"])
    done = "changed" if answer["applied"] else "would change"
    out.print(f"{count} {'setting' if count == 1 else 'settings'} {done}", style="bold")


def print_sync(answer: dict[str, Any]) -> None:
    """Print the answer of `PUT /v1/facts/tags`: who moves, what became of wishes."""
    out = console()
    if answer["moved"]:
        more = len(answer["moved"]) - MOST_MOVES
        table = Table(
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            caption=f"and {more} more; --json has all" if more > 0 else None,
        )
        for heading in ("function", "groups before", "after"):
            table.add_column(heading, overflow="fold")
        for move in answer["moved"][:MOST_MOVES]:
            groups = (_weighted(move["before"]), _weighted(move["after"]))
            table.add_row(*map(Text, (move["function"], *groups)))
        out.print(table)
    fates: dict[str, int] = {}
    for wish in answer["wishes"]:
        fates[wish["fate"]] = fates.get(wish["fate"], 0) + 1
        if wish["fate"] == "senseless":
            text = f"{wish['function']}: {wish['tag']} = {wish['value']!r}: {wish['reason']}"
            out.print(text, style="yellow")
    moved = f"{len(answer['moved'])} of {answer['functions']} tagged functions"
    wishes = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items())) or "none"
    done = "moved" if answer["applied"] else "would move"
    out.print(f"{moved} {done}; wishes: {wishes}", style="bold")


def _weighted(groups: dict[str, int]) -> str:
    """Groups, each with its weight where that is not 1."""
    words = (name if weight == 1 else f"{name}:{weight}" for name, weight in groups.items())
    return " ".join(sorted(words)) or "-"


def _brief(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
