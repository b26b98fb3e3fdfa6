"""What attaching and detaching show: what would change of which function, and what became of it.

An answer is what JSON shows: `functions`, each with its `aliases` that lead to published versions;
of a rollout also why it was `stopped`, what was `rolled_back`, what is `waiting`, and what was too
`quiet` to be judged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from governor.fleet.attachment import Left, foreseen
from governor.fleet.configuration import configuration, differences
from governor.fleet.function import Function
from governor.fleet.health import ENOUGH
from governor.fleet.rollout import Decide, Rollout
from governor.fleet.stepping import Outcome, Result
from governor.printing import console

Answer = dict[str, Any]


def planned(functions: Sequence[Function], decide: Decide) -> Answer:
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
    return {"functions": plans}


def told(rollout: Rollout) -> Answer:
    """Return what became of a rollout."""
    return {
        "functions": [_outcome(each) for each in rollout.outcomes],
        "stopped": rollout.stopped,
        "rolled_back": [_outcome(each) for each in rollout.rolled_back],
        "waiting": list(rollout.waiting),
        "quiet": list(rollout.quiet),
    }


def _outcome(outcome: Outcome) -> Answer:
    return {"function": outcome.name, "result": outcome.result, "reason": outcome.reason}


def changed(answer: Answer) -> list[str]:
    """Return the functions that are, or would be, and are not put back."""
    back = {each["function"] for each in answer.get("rolled_back", ())}
    return [
        each["function"]
        for each in answer["functions"]
        if (each.get("changes") or each.get("result") == Result.CHANGED)
        and each["function"] not in back
    ]


def is_complete(answer: Answer) -> bool:
    """Whether every function is, or would be, where it was to be."""
    left = any(each["reason"] for each in answer["functions"])
    return not (left or answer.get("stopped") or answer.get("waiting"))


def add_aliases(answer: Answer, aliases: Mapping[str, Mapping[str, str]]) -> None:
    """Add to the functions their aliases that lead to published versions, and to which."""
    for each in answer["functions"]:
        each["aliases"] = dict(aliases.get(each["function"], {}))


def print_planned(answer: Answer, where: str) -> None:
    """Print what would change, as a diff. `where` tells the account and Region."""
    out = console(soft_wrap=True, highlight=False)
    plans = answer["functions"]
    for plan in plans:
        if plan["changes"]:
            out.print(plan["function"], style="bold")
        for change in plan["changes"]:
            for sign, value, style in (
                ("-", change["before"], "red"),
                ("+", change["after"], "green"),
            ):
                if value:
                    out.print(f"  {sign} {change['path']}: {value}", style=style)
    _print_reasons("left", [each for each in plans if each["reason"]])
    _print_aliases(plans)
    count = len(changed(answer))
    out.print(f"{count} of {len(plans)} functions would be changed ({where})", style="bold")


def print_told(answer: Answer, where: str) -> None:
    """Print what became of a rollout. `where` tells the account and Region."""
    out = console()
    functions, back = answer["functions"], answer["rolled_back"]
    left = [each for each in functions if each["result"] == Result.LEFT]
    _print_reasons("left", left)
    if answer["stopped"]:
        out.print(f"stopped: {answer['stopped']}", style="bold red", soft_wrap=True)
        stuck = [each for each in back if each["result"] == Result.LEFT]
        _print_reasons("not put back", stuck)
    _print_aliases(functions)
    if answer["quiet"]:
        out.print(
            f"not judged, since their wave was invoked less than {ENOUGH} times while it was "
            f"watched: {', '.join(answer['quiet'])}",
            style="yellow",
            soft_wrap=True,
        )
    counts = {
        "changed": sum(each["result"] == Result.CHANGED for each in functions),
        "had nothing to change": sum(each["result"] == Result.SETTLED for each in functions),
        "left": len(left),
        "put back": sum(each["result"] == Result.CHANGED for each in back),
        "waiting": len(answer["waiting"]),
    }
    words = [f"{count} {what}" for what, count in counts.items() if count]
    out.print(f"{', '.join(words) or 'no functions'} ({where})", style="bold")


def _print_reasons(heading: str, rows: Sequence[Answer]) -> None:
    _print_table((heading, "because"), [(each["function"], each["reason"]) for each in rows])


def _print_aliases(rows: Sequence[Answer]) -> None:
    """Say which functions' changes do not reach who calls them by an alias."""
    found = [
        (each["function"], ", ".join(f"{alias} → {of}" for alias, of in each["aliases"].items()))
        for each in rows
        if each["aliases"]
    ]
    _print_table(("only $LATEST is changed of", "aliases → their versions"), found)
    if found:
        console().print(
            "calls by these aliases meet no change until you publish versions and move the aliases",
            style="yellow",
        )


def _print_table(headings: tuple[str, str], rows: Sequence[tuple[str, str]]) -> None:
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(headings[0], overflow="fold", min_width=25)
    table.add_column(headings[1], overflow="fold")
    for row in rows:
        table.add_row(*(Text(each) for each in row))
    console().print(table)
