"""What attaching and detaching show: what would change of which function, and what became of it."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from governor.fleet.attachment import Left, configuration, differences, foreseen
from governor.fleet.function import Function
from governor.fleet.rollout import Decide, Rollout
from governor.fleet.stepping import Outcome, Result
from governor.printing import console


def planned(functions: Sequence[Function], decide: Decide) -> list[dict[str, Any]]:
    """Return what would change of each function, or the reason why it would be left."""
    plans = []
    for function in functions:
        after, end = foreseen(function, decide)
        changes = [
            {"path": path, "before": before, "after": later}
            for path, before, later in differences(configuration(function), configuration(after))
        ]
        reason = end.reason if isinstance(end, Left) else ""
        plans.append({"function": function.name, "changes": changes, "reason": reason})
    return plans


def print_planned(plans: Sequence[dict[str, Any]]) -> None:
    """Print what would change, as a diff."""
    out = Console(soft_wrap=True, highlight=False)
    for plan in plans:
        if plan["changes"]:
            out.print(plan["function"], style="bold", markup=False)
        for change in plan["changes"]:
            for sign, value, style in (
                ("-", change["before"], "red"),
                ("+", change["after"], "green"),
            ):
                if value:
                    out.print(f"  {sign} {change['path']}: {value}", style=style, markup=False)
    _print_left([(each["function"], each["reason"]) for each in plans if each["reason"]], "left")
    changed = sum(bool(each["changes"]) for each in plans)
    out.print(f"{changed} of {len(plans)} functions would be changed", style="bold")


def told(rollout: Rollout) -> dict[str, Any]:
    """Return what became of a rollout, for JSON."""
    return {
        "functions": [_outcome(each) for each in rollout.outcomes],
        "harm": rollout.harm,
        "rolled_back": [_outcome(each) for each in rollout.rolled_back],
        "waiting": list(rollout.waiting),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"function": outcome.name, "result": outcome.result, "reason": outcome.reason}


def print_told(answer: dict[str, Any]) -> None:
    """Print what became of a rollout."""
    out = console()
    functions, back = answer["functions"], answer["rolled_back"]
    left = [each for each in functions if each["result"] == Result.LEFT]
    _print_left([(each["function"], each["reason"]) for each in left], "left")
    if answer["harm"]:
        out.print(f"stopped: {answer['harm']}", style="bold red", markup=False)
        stuck = [each for each in back if each["result"] == Result.LEFT]
        _print_left([(each["function"], each["reason"]) for each in stuck], "not put back")
    counts = {
        "changed": sum(each["result"] == Result.CHANGED for each in functions),
        "had nothing to change": sum(each["result"] == Result.SETTLED for each in functions),
        "left": len(left),
        "put back": sum(each["result"] == Result.CHANGED for each in back),
        "waiting": len(answer["waiting"]),
    }
    words = [f"{count} {what}" for what, count in counts.items() if count]
    out.print(", ".join(words) or "no functions", style="bold")


def _print_left(rows: Sequence[tuple[str, str]], heading: str) -> None:
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(heading, overflow="fold", min_width=25)
    table.add_column("because", overflow="fold")
    for name, reason in rows:
        table.add_row(Text(name), Text(reason))
    console().print(table)
