"""Both acts on one time axis, as SVG: what ran, whom it cost, what waited. Pure.

Colours are the page's: each shape has a class.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final, TypeVar

from governor.demo.fleet import FUNCTIONS
from governor.demo.recording import Recording, Sample

WIDTH: Final = 1000
LEFT: Final = 70
RIGHT: Final = 24
TOP: Final = 40
HEIGHTS: Final = (260, 70, 110)
GAP: Final = 34
GRID_S: Final = (5, 10, 20, 30, 60, 120)
MOST_GRID_LINES: Final = 16
REFUSALS_PER_S: Final = 1.0
"""The width of a bar: requests refused in a second."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the picture with a scale of its own, from 0 to `highest`."""

    top: float
    height: float
    highest: float
    length_s: float

    def x(self, at_s: float) -> float:
        """Where a moment is."""
        return LEFT + at_s / self.length_s * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value is."""
        return self.top + self.height * (1 - min(value, self.highest) / self.highest)


def plot(without: Recording, governed: Recording, limit: int, headroom: int) -> str:
    """Return the picture: the pool goes up to `limit`, its last `headroom` is users' alone."""
    acts = ((0.0, without), (without.act.length_s, governed))
    length_s = without.act.length_s + governed.act.length_s
    waiting = max(each.waiting for _, act in acts for each in act.samples)
    refused = max((count for _, act in acts for _, count in _refusals(act)), default=0)
    tops = (TOP, TOP + HEIGHTS[0] + GAP, TOP + HEIGHTS[0] + HEIGHTS[1] + 2 * GAP)
    used, harm, backlog = (
        Panel(top, height, highest, length_s)
        for top, height, highest in zip(
            tops, HEIGHTS, (limit * 1.1, max(refused, 3), max(waiting, 1)), strict=True
        )
    )
    bottom = backlog.top + backlog.height
    return "".join(
        (
            f'<svg viewBox="0 0 {WIDTH} {bottom + 30:.0f}" role="img" aria-label="Both acts">',
            *_grid((used, harm, backlog), bottom),
            *(shape for since_s, act in acts for shape in _act(used, harm, backlog, since_s, act)),
            _line("limit", used, limit, f"limit {limit}"),
            _line("headroom", used, limit - headroom, f"headroom {headroom}"),
            *_scale(used, "running", limit),
            *_scale(harm, "users refused", refused),
            *_scale(backlog, "messages waiting", waiting),
            *_titles(used, bottom, without, governed),
            "</svg>",
        )
    )


def _act(used: Panel, harm: Panel, backlog: Panel, since_s: float, act: Recording) -> Iterator[str]:
    for index in range(len(FUNCTIONS)):
        yield _area(
            f"f{index}",
            used,
            [
                (since_s + from_s, since_s + to_s, sum(running[:index]), sum(running[: index + 1]))
                for from_s, to_s, running in _steps(act, lambda each: each.running)
            ],
        )
    for second, count in _refusals(act):
        x, right = harm.x(since_s + second), harm.x(since_s + second + REFUSALS_PER_S)
        yield (
            f'<rect class="refused" x="{x:.1f}" y="{harm.y(count):.1f}" width="{right - x:.1f}" '
            f'height="{harm.top + harm.height - harm.y(count):.1f}"/>'
        )
    yield _area(
        "waiting",
        backlog,
        [
            (since_s + from_s, since_s + to_s, 0, waiting)
            for from_s, to_s, waiting in _steps(act, lambda each: each.waiting)
        ],
    )
    for number, event in enumerate(act.events, 1):
        x = used.x(since_s + event.at_s)
        yield (
            f'<g class="event"><line x1="{x:.1f}" x2="{x:.1f}" y1="{used.top}" '
            f'y2="{backlog.top + backlog.height}"/>'
            f"<title>{escape(f'{number}. {event.text}')}</title></g>"
        )


def _steps(act: Recording, value: Callable[[Sample], T]) -> Iterator[tuple[float, float, T]]:
    """From when until when a value held: each until the next sample."""
    for each, after in pairwise(act.samples):
        yield each.at_s, after.at_s, value(each)


def _area(name: str, panel: Panel, steps: Sequence[tuple[float, float, int, int]]) -> str:
    """A band: from when, until when, from which value, to which one."""
    upper = [(at_s, high) for *ends_s, _, high in steps for at_s in ends_s]
    lower = [(at_s, low) for *ends_s, low, _ in steps for at_s in ends_s]
    points = " ".join(
        f"{panel.x(at_s):.1f},{panel.y(value):.1f}" for at_s, value in upper + lower[::-1]
    )
    return f'<polygon class="{name}" points="{points}"/>'


def _refusals(act: Recording) -> list[tuple[float, int]]:
    """For each second in which users were refused: its begin, and how many."""
    counts: dict[int, int] = {}
    for before, after in pairwise(act.samples):
        if new := after.refused - before.refused:
            counts[int(after.at_s)] = counts.get(int(after.at_s), 0) + new
    return [(float(second), count) for second, count in counts.items()]


def _grid(panels: Sequence[Panel], bottom: float) -> Iterator[str]:
    length_s = panels[0].length_s
    step_s = next((s for s in GRID_S if length_s / s <= MOST_GRID_LINES), GRID_S[-1])
    for number in range(int(length_s / step_s) + 1):
        x = panels[0].x(number * step_s)
        for panel in panels:
            yield (
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{panel.top}" '
                f'y2="{panel.top + panel.height}"/>'
            )
        yield _text(x, bottom + 18, f"{number * step_s} s", "middle")


def _scale(panel: Panel, name: str, highest: int) -> Iterator[str]:
    bottom = panel.top + panel.height
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    yield _text(LEFT - 8, bottom + 4, "0", "end")
    if highest:
        yield _text(LEFT - 8, panel.y(highest) + 4, f"{highest}", "end")
    middle = panel.top + panel.height / 2
    turned = f"translate(16 {middle:.0f}) rotate(-90)"
    yield f'<text transform="{turned}" text-anchor="middle">{name}</text>'


def _line(name: str, panel: Panel, value: float, label: str) -> str:
    y = panel.y(value)
    line = f'<line class="{name}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + _text(WIDTH - RIGHT, y - 4, label, "end")


def _titles(panel: Panel, bottom: float, without: Recording, governed: Recording) -> Iterator[str]:
    middle_s = without.act.length_s
    yield _text(panel.x(middle_s / 2), 18, "without the governor", "middle", "title")
    yield _text(panel.x(middle_s + governed.act.length_s / 2), 18, "with it", "middle", "title")
    x = panel.x(middle_s)
    yield f'<line class="divider" x1="{x:.1f}" x2="{x:.1f}" y1="6" y2="{bottom}"/>'
    for since_s, act in ((0.0, without.act), (middle_s, governed.act)):
        yield _text(panel.x(since_s + act.burst_at_s), TOP - 4, "▾ burst", "start")


def _text(x: float, y: float, text: str, anchor: str, name: str = "label") -> str:
    return (
        f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
