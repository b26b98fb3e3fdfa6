"""What the demo shows fits a terminal of 80 columns, and says what there is to say."""

import io

import pytest
from rich.console import Console

from governor.demo.report import Row
from governor.demo.serving import ScopeNow
from governor.demo.view import bar, verdict, view

NOW = [
    ScopeNow("function:orders-api", 1234, None, headroom=0, granted=99_999, denied=0),
    ScopeNow("function:report-gen", 3, 3, headroom=0, granted=99_999, denied=88_888),
    ScopeNow("account", 2, 8, headroom=2, granted=99_999, denied=77_777),
]
ROWS = [
    Row("function:orders-api", None, 99_999, 88_888, 77_777, 4, 12.34, 1234.56),
    Row("function:report-gen", 3, 99_999, 88_888, 77_777, 4, None, None),
]


@pytest.fixture
def console() -> Console:
    """A terminal of 80 columns that keeps what it is sent."""
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)


def sent(console: Console) -> str:
    """What the terminal was sent; nothing of it may be too wide or cut off."""
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "…" not in text
    return text


def test_the_screen_shows_every_scope_with_a_bar(console: Console) -> None:
    with view(console, headless=False) as shown:
        shown.show(2, 15, NOW, {scope.scope: 3 for scope in NOW})
        picture = sent(console)
    assert "2 of 15 s" in picture
    assert "1234 /  -" in picture
    assert "88888" in picture
    assert "■■□□□□□□" in picture


def test_a_bar_has_a_square_for_each_invocation_that_runs_or_may() -> None:
    assert bar(NOW[1]).plain == "■■■"
    assert bar(NOW[2]).plain == "■■□□□□□□"
    assert bar(NOW[1]).spans != bar(NOW[2]).spans, "a full scope looks different"
    assert len(bar(NOW[0]).plain) < 40, "however much runs"


def test_without_a_screen_there_is_a_line(console: Console) -> None:
    with view(console, headless=True) as shown:
        shown.show(3, 15, NOW, {})
    assert sent(console) == (
        "   3 of 15 s  function:orders-api 1234, function:report-gen 3/3, account 2/8\n"
    )


@pytest.mark.parametrize("found", [[], ["report-gen reached 4", "it failed"]])
def test_the_verdict_fits_and_names_every_finding(console: Console, found: list[str]) -> None:
    console.print(verdict(ROWS, found))
    text = sent(console)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "1234.56" in text
    assert ("No limit was ever exceeded" in text) == (not found)
    assert all(f"✗ {each}" in text for each in found)
