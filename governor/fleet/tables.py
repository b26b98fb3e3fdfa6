"""What the fleet's tools show: tables, what is missing, how far they are."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from governor.errors import few
from governor.fleet.discovery import Discovery, Row
from governor.fleet.function import Package
from governor.model import Priority
from governor.printing import console

WIDE: Final = 140
"""Columns of a terminal that the whole table takes."""


LINE_EVERY_S: Final = 60.0
"""How often a log is told how far it is: some pipelines end what is silent for long."""


@contextmanager
def progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show on standard error what goes on; yields what wants to be told.

    A bar on a terminal; else a line a minute, so that what is done soon says nothing.
    """
    errors = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)
        doing, said_s = "", time.monotonic()

        def told(what: str, done: int, total: int | None) -> None:
            nonlocal doing, said_s
            if what != doing:
                doing = what
                bar.reset(task, description=what, total=total)
            bar.update(task, completed=done, total=total)
            if not errors.is_terminal and time.monotonic() - said_s >= LINE_EVERY_S:
                said_s = time.monotonic()
                errors.print(f"{what}: {done:,}" + ("" if total is None else f" of {total:,}"))

        yield told


def print_discovery(found: Discovery) -> None:
    """Print an account's functions, those with the highest peaks first; below, what it took."""
    out = console()
    if found.rows:
        out.print(_table(found, narrow=out.width < WIDE))
    else:
        out.print(
            f"there are no functions in {found.region}: is it the Region that you mean? "
            "AWS_DEFAULT_REGION names another",
            style="bold",
        )
    print_missing(found.missing)
    for line in _summary(found):
        out.print(line, highlight=False, soft_wrap=True)


def print_missing(missing: tuple[str, ...]) -> None:
    """Say on standard error what could not be read."""
    for each in missing:
        print(f"governor: could not be read: {each}", file=sys.stderr)  # noqa: T201 - see the module


def _table(found: Discovery, *, narrow: bool) -> Table:
    """The functions; where it is narrow, without what can be guessed or looked up."""
    caption = f"runtimes, provisioned concurrency, reasons: {WIDE} columns, or --json"
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption if narrow else None)
    columns = [each for each in _COLUMNS if not (narrow and each.wide)]
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.is_number else "left",
            overflow="fold",
            min_width=column.least,
        )
    for row in sorted(found.rows, key=lambda row: (-(row.peak or 0), row.function.name)):
        table.add_row(
            *(Text(column.cell(row)) for column in columns),
            style="bold" if row.priority is Priority.USER_FACING else None,
        )
    return table


def _callers(row: Row) -> str:
    return ", ".join(dict.fromkeys(each.name for each in row.sources)) or "-"


def _peak(row: Row) -> str:
    return "?" if row.peak is None else f"{row.peak}"


def _reserved(row: Row) -> str:
    return _number(row, "lambda:GetFunction", row.details.reserved)


def _provisioned(row: Row) -> str:
    call = "lambda:ListProvisionedConcurrencyConfigs"
    return _number(row, call, row.details.provisioned or None)


def _runtime(row: Row) -> str:
    return "image" if row.function.package is Package.IMAGE else row.function.runtime


def _number(row: Row, call: str, value: int | None) -> str:
    if call in row.details.unread:
        return "?"
    return "-" if value is None else f"{value}"


def _attached(row: Row) -> str:
    if row.function.is_attached:
        return f"{row.function.attached}"
    return "can't be" if row.function.unsupported else "no"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of at least so many characters; `wide`: only where there is room."""

    heading: str
    cell: Callable[[Row], str]
    least: int | None = None
    is_number: bool = False
    wide: bool = False


_COLUMNS: Final = (
    _Column("function", lambda row: row.function.name, least=20),
    _Column("runtime", _runtime, least=10, wide=True),
    _Column("called by", _callers),
    _Column("reserved", _reserved, least=8, is_number=True),
    _Column("provisioned", _provisioned, least=11, is_number=True, wide=True),
    _Column("peak", _peak, least=4, is_number=True),
    _Column("attached", _attached, least=8),
    _Column("suggested", lambda row: f"{row.priority}", least=11),
    _Column("because", lambda row: row.why, least=20, wide=True),
)


def _summary(found: Discovery) -> Iterator[str]:
    users = sum(row.priority is Priority.USER_FACING for row in found.rows)
    attached = sum(row.function.is_attached for row in found.rows)
    yield (
        f"{len(found.rows):,} functions in {found.region}, {users:,} of them user-facing as it "
        f"seems, {attached:,} attached"
    )
    if found.limits is not None:
        yield (
            f"the account runs {found.limits.limit:,} invocations at once, "
            f"{found.limits.unreserved:,} of them unreserved; user-facing peak "
            f"{found.peaks.users:,} at most"
        )
    unsupported: dict[str, list[str]] = {}
    for row in found.rows:
        if row.function.unsupported:
            unsupported.setdefault(row.function.unsupported, []).append(row.function.name)
    for why, names in unsupported.items():
        yield f"can't be attached: {few(names)}: {why}"
    made = [f"{count:,} × {call}" for call, count in found.calls.items()]  # noqa: RUF001 - times
    yield f"calls: {', '.join(made)}"
    if found.remembered:
        yield (
            f"details of {found.remembered:,} functions are as read up to "
            f"{found.remembered_s / 3600:.1f} h ago; --refresh reads them anew"
        )


def plain(found: Discovery) -> dict[str, Any]:
    """Return a discovery as JSON has it."""
    limits = found.limits
    return {
        "account": found.account,
        "region": found.region,
        "max_concurrency": limits and limits.limit,
        "unreserved": limits and limits.unreserved,
        "user_facing_peak": found.peaks.users,
        "functions": [_plain(row) for row in found.rows],
        "missing": list(found.missing),
        "calls": dict(found.calls),
        "remembered": found.remembered,
    }


def _plain(row: Row) -> Mapping[str, Any]:
    function, details = row.function, row.details
    return {
        "name": function.name,
        "arn": function.arn,
        "package": function.package,
        "runtime": function.runtime,
        "stack": function.stack,
        "sources": [{"kind": each.kind, "name": each.name} for each in row.sources],
        "reserved": details.reserved,
        "braked": details.braked,
        "provisioned": details.provisioned,
        "peak": row.peak,
        "attached": function.attached,
        "unsupported": function.unsupported,
        "priority": row.priority,
        "why": row.why,
        "unread": list(details.unread),
    }
