"""A comparison as one HTML page that needs nothing else: table, pictures, what was done and why."""

from html import escape
from typing import Final

from governor.simulate.comparison import Comparison
from governor.simulate.plots import Scale, svg
from governor.simulate.results import Run
from governor.simulate.scenario import Scenario
from governor.simulate.tables import SECTIONS, cell, seeds

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
td { white-space: nowrap; } tr.empty { color: #78716c; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
thead th { border-bottom: 2px solid #a8a29e; } tbody th { padding-top: 1rem; }
th.governor, td.governor { background: #ecfdf5; }
.scroll { overflow-x: auto; } svg { width: 100%; min-width: 46rem; height: auto; display: block; }
@media (max-width: 40rem) {
  body { margin: 1rem auto; } th, td { padding: .25rem .4rem; font-size: .85rem; }
  td:first-child { white-space: normal; min-width: 8rem; }
}
details { margin: .5rem 0; } li { margin: .1rem 0; } .flaw { color: #b45309; }
"""


def page(comparison: Comparison) -> str:
    """Return the page. The pictures are of the first seed."""
    scenario = comparison.scenario
    title = escape(scenario.head.title or scenario.name)
    told = f"{scenario.head.length_s:,.0f} s, {seeds(comparison)}"
    head = f"{told}; mean ± half of the 95 % interval"
    flaws = "".join(f'<p class="flaw">recorded: {escape(flaw)}</p>' for flaw in comparison.flaws)
    shown = [runs[0] for runs in comparison.runs.values()]
    scale = Scale.of(shown)
    runs = "".join(_run(scenario, run, scale) for run in shown)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title}</h1><p>{head}</p>{flaws}{_table(comparison)}{runs}</body></html>\n"
    )


def _table(comparison: Comparison) -> str:
    policies = list(comparison.runs)
    heads = "".join(f'<th class="{policy}">{policy}</th>' for policy in policies)
    bodies = ""
    for section, rows in SECTIONS:
        bodies += f'<tbody><tr><th colspan="{len(policies) + 1}">{section}</th></tr>'
        for name, figure, shown in rows:
            estimates = [(policy, comparison.estimate(policy, figure)) for policy in policies]
            is_empty = not any(each and each.high for _, each in estimates)
            cells = "".join(
                f'<td class="{policy}">{cell(each, shown)}</td>' for policy, each in estimates
            )
            bodies += f"<tr{' class=empty' if is_empty else ''}><td>{escape(name)}</td>{cells}</tr>"
        bodies += "</tbody>"
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead>{bodies}</table></div>'
    )


def _run(scenario: Scenario, run: Run, scale: Scale) -> str:
    return (
        f"<h2>{run.policy}</h2><p>{_MEANING[run.policy]} Seed {run.seed}.</p>"
        f'<div class="scroll">{svg(scenario, run, scale)}</div>{_reasons(run)}'
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
