"""The report: one HTML page that needs nothing else. Pure."""

from collections.abc import Sequence
from html import escape
from typing import Final

from governor.demo.fleet import FUNCTIONS
from governor.demo.plot import plot
from governor.demo.recording import Event, Recording
from governor.demo.report import Row
from governor.policy import Policy

TITLE: Final = "Lambda concurrency governor: the demo"

STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif;
  --ink: #1c1917; --dim: #57534e; --paper: #fff; --rule: #e7e5e4;
  --f0: #2563eb; --f1: #f59e0b; --f2: #b45309; --bad: #dc2626;
  --good: #15803d; --event: #047857; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e5e4; --dim: #a8a29e; --paper: #1c1917;
  --rule: #44403c; --f0: #60a5fa; --f1: #fbbf24; --f2: #d97706; --bad: #f87171; --good: #4ade80;
  --event: #34d399; } }
body { max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink);
  background: var(--paper); }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p { margin: .3rem 0 1rem; color: var(--dim); } li { margin: .2rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem; text-align: right; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; padding-left: 0; font-weight: normal; }
.scroll { overflow-x: auto; } svg { width: 100%; min-width: 40rem; height: auto; display: block; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); font-weight: 600; }
text { fill: var(--dim); font-size: 12px; } text.title { fill: var(--ink); font-size: 14px; }
.f0 { fill: var(--f0); } .f1 { fill: var(--f1); } .f2 { fill: var(--f2); }
.refused { fill: var(--bad); } .waiting { fill: var(--f1); opacity: .5; }
.grid { stroke: var(--rule); } .axis, .divider, .limit, .headroom { stroke: var(--ink); }
.headroom { stroke-dasharray: 5 4; } .divider { stroke-width: 2; }
.event line { stroke: var(--event); stroke-width: 2; stroke-dasharray: 2 3; }
.key::before { content: "■ "; } .key { margin-right: 1rem; }
.key.f0 { color: var(--f0); } .key.f1 { color: var(--f1); } .key.f2 { color: var(--f2); }
.key.events { color: var(--event); }
"""


def page(
    policy: Policy,
    without: Recording,
    governed: Recording,
    rows: Sequence[Row],
    found: Sequence[str],
) -> str:
    """Return the page on both acts, with the table's `rows` and what was `found` to be wrong."""
    account = policy.account
    picture = plot(without, governed, account.max_concurrency or 0, account.headroom)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{TITLE}</title><style>{STYLE}</style></head><body><h1>{TITLE}</h1>"
        "<p>The same users and the same burst of messages in two Regions of one account, first "
        "without the governor, then with it. Functions ran on AWS's runtime; the rest of AWS was "
        f"moto.</p>{_verdict(found)}<p>{_legend()}</p>"
        f'<div class="scroll">{picture}</div>'
        f"<h2>Side by side</h2>{_table(rows)}"
        "<h2>What the controller did, and why</h2>"
        f"{_events(governed.events, without.act.length_s)}</body></html>\n"
    )


def _verdict(found: Sequence[str]) -> str:
    if not found:
        text = "With the governor no limit was exceeded and no user was refused."
        return f'<p class="good">{text}</p>'
    return "".join(f'<p class="bad">{escape(each)}</p>' for each in found)


def _legend() -> str:
    keys = "".join(
        f'<span class="key f{index}">{escape(function.name)}</span>'
        for index, function in enumerate(FUNCTIONS)
    )
    return f'{keys}<span class="key events">the controller acted</span>'


def _table(rows: Sequence[Row]) -> str:
    body = "".join(
        f"<tr><td>{escape(row.what)}</td>"
        + "".join(
            f'<td class="{cell.mark}">{escape(cell.text)}</td>'
            for cell in (row.without, row.governed)
        )
        + "</tr>"
        for row in rows
    )
    head = "<thead><tr><th></th><th>without</th><th>with</th></tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'


def _events(events: Sequence[Event], began_s: float) -> str:
    """What the controller did in an act that begins at `began_s` on the picture's axis."""
    if not events:
        return "<p>Nothing.</p>"
    items = "".join(f"<li>{began_s + each.at_s:.0f} s: {escape(each.text)}</li>" for each in events)
    return f"<ol>{items}</ol>"
