"""A comparison as one HTML page that needs nothing else: table, pictures, what was done and why."""

from html import escape
from typing import Final

from governor.simulate.comparison import Comparison
from governor.simulate.plots import svg
from governor.simulate.results import Run
from governor.simulate.tables import ROWS, cell

_MEANING: Final = {
    "none": "Nothing is limited but the account.",
    "reserved": "Reserved concurrency, set once.",
    "sqs-max": "MaximumConcurrency at the queues, set once.",
    "governor": "The governor: every check-in decided, queues held back by its controller.",
    "oracle": "A bound: background work gets at each instant exactly what users leave.",
}

_MOST_REASONS: Final = 200
"""So many of the controller's actions are listed."""

_STYLE: Final = """
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; color: #1c1917; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .2rem; }
p { margin: .3rem 0 1rem; color: #57534e; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #e7e5e4; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #a8a29e; } th.governor, td.governor { background: #ecfdf5; }
.scroll { overflow-x: auto; } svg { width: 100%; height: auto; }
details { margin: .5rem 0; } li { margin: .1rem 0; } .flaw { color: #b45309; }
"""


def page(comparison: Comparison) -> str:
    """Return the page. The pictures are of the first seed."""
    scenario = comparison.scenario
    title = escape(scenario.head.title or scenario.name)
    seeds = len(next(iter(comparison.runs.values())))
    head = f"{scenario.head.length_s:,.0f} s, {seeds} seeds; mean ± half of the 95 % interval"
    flaws = "".join(f'<p class="flaw">recorded: {escape(flaw)}</p>' for flaw in comparison.flaws)
    runs = "".join(_run(comparison, runs[0]) for runs in comparison.runs.values())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title}</h1><p>{head}</p>{flaws}{_table(comparison)}{runs}</body></html>\n"
    )


def _table(comparison: Comparison) -> str:
    policies = list(comparison.runs)
    heads = "".join(f'<th class="{policy}">{policy}</th>' for policy in policies)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(
            f'<td class="{policy}">{cell(comparison.estimate(policy, figure), shown)}</td>'
            for policy in policies
        )
        + "</tr>"
        for name, figure, shown in ROWS
    )
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _run(comparison: Comparison, run: Run) -> str:
    return (
        f"<h2>{run.policy}</h2><p>{_MEANING[run.policy]} Seed {run.seed}.</p>"
        f'<div class="scroll">{svg(comparison.scenario, run)}</div>{_reasons(run)}'
    )


def _reasons(run: Run) -> str:
    if not run.reasons:
        return ""
    rows = "".join(
        f"<li>{at_s:,.0f} s: {escape(reason)}</li>" for at_s, reason in run.reasons[:_MOST_REASONS]
    )
    more = len(run.reasons) - _MOST_REASONS
    rest = f"<p>and {more:,} more</p>" if more > 0 else ""
    count = f"{len(run.reasons):,} {'change' if len(run.reasons) == 1 else 'changes'}"
    return (
        f"<details><summary>What the controller did, and why: {count}</summary>"
        f"<ul>{rows}</ul>{rest}</details>"
    )
