"""What `make bench` prints, and when."""

from io import StringIO

import pytest
from rich.console import Console

from tests.bench.__main__ import measured, table
from tests.bench.figures import Bound, Figure

SPEED = Figure("speed", 2.5, "5 in 2 s", Bound.AT_LEAST, 3, "/s")
SIZE = Figure("size", 7, "a file", unit="kB")


def interrupted() -> list[Figure]:
    raise KeyboardInterrupt


def test_a_figure_is_printed_as_soon_as_it_is_measured() -> None:
    console = Console(file=StringIO(), width=200)
    with pytest.raises(KeyboardInterrupt):
        list(measured([lambda: [SPEED, SIZE], interrupted], console))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue().splitlines()
    assert printed[:2] == ["speed: 2.5 /s (≥ 3 /s: missed)", "size: 7 kB"]


def test_the_table_has_what_the_figures_come_from() -> None:
    console = Console(file=StringIO(), width=200)
    console.print(table([SPEED, SIZE]))
    assert isinstance(console.file, StringIO)
    assert "5 in 2 s" in console.file.getvalue()
