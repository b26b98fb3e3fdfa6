"""A run as a picture: concurrency, what users were refused, and the backlog, over one time axis."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from governor.simulate.results import Run
from governor.simulate.scenario import Scenario
from governor.simulate.series import Series

_USERS: Final = ("#1d4ed8", "#3b82f6", "#60a5fa", "#93c5fd", "#1e3a8a")
_BACKGROUND: Final = ("#d97706", "#f59e0b", "#fbbf24", "#b45309", "#fcd34d", "#92400e")
_REFUSED: Final = "#dc2626"
_ALLOWED: Final = "#047857"
_OTHERS: Final = "#d6d3d1"
_LIMIT: Final = "#111827"
_DIM: Final = "#78716c"
_MOST_FAMILIES: Final = 6
"""So many families of functions per priority have a colour; the others share one."""

_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "governor",  # so that equal runs give equal files
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Scale:
    """What the pictures of several runs have in common, so that they can be compared."""

    minutes: float
    refused_per_s: float
    backlog: int

    @classmethod
    def of(cls, runs: Sequence[Run]) -> "Scale":
        """Return the least in which all `runs` fit."""
        return cls(
            max(run.series.at_s[-1] for run in runs) / 60,
            max(1.0, *(float(_rate(run.series).max()) for run in runs)),
            max(1, *(max(run.series.backlog) for run in runs)),
        )


def svg(scenario: Scenario, run: Run, scale: Scale) -> str:
    """Return the picture of a run as an SVG element."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.5, 6), layout="constrained")
        used, refused, backlog = figure.subplots(3, 1, sharex=True, height_ratios=(5, 1.4, 2))
        minutes = np.array(run.series.at_s) / 60
        _concurrency(used, minutes, scenario, run)
        _refusals(refused, minutes, run, scale)
        _backlog(backlog, minutes, run, scale)
        backlog.set_xlabel("minutes")
        backlog.set_xlim(0, max(1.0, scale.minutes))
        for axes in (used, refused, backlog):
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _concurrency(axes: Axes, minutes: np.ndarray, scenario: Scenario, run: Run) -> None:
    """Stacked by family: background below, users on it, so that headroom is what is above."""
    users = {each.family for each in scenario.functions if each.entry.priority == "user-facing"}
    names, columns, colours = [], [], []
    for kind, palette in ((False, _BACKGROUND), (True, _USERS)):
        families = [name for name in run.series.in_use if (name in users) == kind]
        families.sort(key=lambda name: -sum(run.series.in_use[name]))
        for name, colour in zip(families, palette[:_MOST_FAMILIES], strict=False):
            names.append(name)
            columns.append(np.array(run.series.in_use[name]))
            colours.append(colour)
        if rest := families[len(palette) :]:
            names.append("others")
            columns.append(np.sum([run.series.in_use[name] for name in rest], axis=0))
            colours.append(_OTHERS)
    axes.stackplot(minutes, *columns, labels=names, colors=colours, linewidth=0)
    limit, policy = scenario.head.account.limit, scenario.policy.account
    axes.axhline(limit, color=_LIMIT, linewidth=1.6, label=f"limit {limit:,}")
    if policy.headroom:
        most = policy.limits.max_concurrency or limit
        axes.axhline(
            most - policy.headroom,
            color=_LIMIT,
            linewidth=1.2,
            linestyle=(0, (4, 3)),
            label=f"headroom {policy.headroom:,}",
        )
    if run.policy == "governor":
        allowed = [value or 0 for value in run.series.allowed]
        axes.step(
            minutes, allowed, where="post", color=_ALLOWED, linewidth=1.6, label="queues may take"
        )
    axes.set_ylim(0, limit * 1.08)
    axes.set_ylabel("concurrency")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=8, borderaxespad=0.1)


def _refusals(axes: Axes, minutes: np.ndarray, run: Run, scale: Scale) -> None:
    axes.fill_between(minutes, _rate(run.series), step="pre", color=_REFUSED, linewidth=0)
    axes.set_ylim(0, scale.refused_per_s * 1.08)
    axes.set_ylabel("users refused\nper s")
    if not any(run.series.refused):
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color=_DIM)


def _backlog(axes: Axes, minutes: np.ndarray, run: Run, scale: Scale) -> None:
    axes.fill_between(minutes, run.series.backlog, color=_BACKGROUND[1], alpha=0.6, linewidth=0)
    axes.set_ylim(0, scale.backlog * 1.08)
    axes.set_ylabel("background\nbacklog")


def _rate(series: Series) -> np.ndarray:
    """Refused users per second, sample by sample."""
    step_s = series.at_s[1] - series.at_s[0] if len(series.at_s) > 1 else 1.0
    return np.array(series.refused) / step_s
