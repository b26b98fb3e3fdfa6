"""Concurrency over time as a picture of text: users' invocations below, background on top. Pure."""

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from governor.demo.recording import Sample

ROWS: Final = 6
EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
USERS: Final = "blue"
BACKGROUND: Final = "yellow"
REFUSED: Final = "bold red"


def chart(samples: Sequence[Sample], columns: int, axis_s: float, limit: int) -> Text:
    """Draw `samples` in `columns` that stand for `axis_s` seconds.

    The height is `limit`. In the lowest line is a cross where a request of users was refused.
    """
    buckets = _buckets(samples, columns, axis_s)
    drawn = Text(no_wrap=True)
    for row in reversed(range(ROWS)):
        for bucket in buckets:
            drawn.append(*_cell(bucket, row, limit))
        drawn.append("\n")
    refused = 0
    for bucket in buckets:
        now = bucket[-1].refused if bucket else refused
        drawn.append("✗" if now > refused else "·", REFUSED if now > refused else "dim")
        refused = now
    return drawn


def _buckets(samples: Sequence[Sample], columns: int, axis_s: float) -> list[list[Sample]]:
    buckets: list[list[Sample]] = [[] for _ in range(columns)]
    for each in samples:
        buckets[min(columns - 1, int(each.at_s / axis_s * columns))].append(each)
    return buckets


def _cell(bucket: Sequence[Sample], row: int, limit: int) -> tuple[str, str]:
    """The character at a height, and its style: the eighths of it that either kind fills."""
    if not bucket:
        return " ", ""
    busiest = max(bucket, key=lambda each: each.users + each.background)
    per_row = limit / ROWS
    users = _eighths(busiest.users / per_row - row)
    both = _eighths((busiest.users + busiest.background) / per_row - row)
    if users == both:
        return EIGHTHS[users], USERS
    if users == 0:
        return EIGHTHS[both], BACKGROUND
    # One character has two colours only: what background leaves free at the top is not shown.
    return EIGHTHS[users], f"{USERS} on {BACKGROUND}"


def _eighths(height: float) -> int:
    return round(8 * min(1.0, max(0.0, height)))
