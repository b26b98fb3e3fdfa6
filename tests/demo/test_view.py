"""What the demo shows fits a terminal of 80 columns, and says what there is to say."""

import io
import re

import pytest
from rich.console import Console

from governor.demo.chart import ROWS, chart
from governor.demo.report import Cell, Mark, Row
from governor.demo.view import verdict, view
from tests.demo.recordings import REASON, governed, sample, without

ROWS_OF_ALL = [
    Row("users' requests: served", Cell("99999"), Cell("88888")),
    Row("most at once: group:batch, of 12", Cell("20", Mark.BAD), Cell("12", Mark.GOOD)),
]


@pytest.fixture
def console() -> Console:
    """A terminal of 80 columns that keeps what it is sent."""
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)


def sent(console: Console) -> str:
    """What the terminal was sent; nothing of it may be too wide."""
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    assert all(len(line) <= 80 for line in text.splitlines())
    return text


def test_the_screen_shows_both_acts_and_why(console: Console) -> None:
    with view(console, headless=False, axis_s=4, limit=20) as shown:
        shown.show(without().samples, governed().samples, governed().events)
        picture = sent(console)
    assert "without the governor" in picture
    assert "requests 9 served, 3 refused" in picture
    assert "requests 12 served, 0 refused" in picture
    assert "messages 8 done, 2 waiting" in picture
    assert REASON[:40] in picture


def test_before_the_second_act_there_is_a_place_for_it(console: Console) -> None:
    with view(console, headless=False, axis_s=4, limit=20) as shown:
        shown.show(without().samples, [], [])
        assert "comes next" in sent(console)


def test_without_a_screen_there_are_lines_and_each_event_once(console: Console) -> None:
    with view(console, headless=True, axis_s=4, limit=20) as shown:
        shown.show(without().samples[:2], [], [])
        shown.show(without().samples, governed().samples, governed().events)
        shown.show(without().samples, governed().samples, governed().events)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == (
        "     1 s  without the governor: 3 users' and 17 background run, 10 messages wait; "
        "of 4 requests 0 refused"
    )
    assert lines[1] == f"     2 s  {REASON}"
    assert lines[2].startswith("     3 s  with the governor: 2 users'")
    assert len(lines) == 4


def test_a_chart_stacks_users_and_background_and_marks_refusals() -> None:
    samples = [sample(0, 5, 0, 0), sample(1, 5, 5, 0), sample(2, 10, 5, 5, throttled=1)]
    drawn = chart(samples, 4, axis_s=4, limit=20)
    lines = drawn.plain.splitlines()
    assert len(lines) == ROWS + 1
    assert [line[3] for line in lines] == [" "] * ROWS + ["·"], "nothing is known of the future"
    assert [line[0] for line in lines[:ROWS]].count(" ") == 4, "5 of 20 are one and a half of 6"
    assert lines[ROWS] == "··✗·"
    top, bottom = drawn[2], drawn[(ROWS - 1) * 5 + 2]
    assert (top.plain, bottom.plain) == ("█", "█"), "the pool is full"
    assert top.spans[0].style != bottom.spans[0].style, "with background on top of users"


@pytest.mark.parametrize("found", [[], ["group:batch reached 13", "1 invocations failed"]])
def test_the_verdict_fits_and_names_every_finding(console: Console, found: list[str]) -> None:
    console.print(verdict(ROWS_OF_ALL, found))
    text = sent(console)
    assert "99999" in text
    assert ("no user was refused" in text) == (not found)
    assert all(f"✗ {each}" in text for each in found)
