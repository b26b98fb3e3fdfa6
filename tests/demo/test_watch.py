"""The watcher knows exactly how many ran at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.demo.watch import Run, highest, percentile, read, runs_of

moments = st.integers(0, 30)


@st.composite
def weighted_runs(draw: st.DrawFn) -> list[tuple[Run, int]]:
    """Runs with weights; some have not ended, some took no time."""
    runs = []
    for _ in range(draw(st.integers(0, 12))):
        began_ns = draw(moments)
        ended_ns = draw(st.none() | st.integers(began_ns, 31))
        runs.append((Run("f", began_ns, ended_ns), draw(st.integers(1, 5))))
    return runs


@given(weighted_runs())
def test_the_highest_overlap_is_that_of_the_busiest_moment(runs: list[tuple[Run, int]]) -> None:
    at_each_moment = [
        sum(
            weight
            for run, weight in runs
            if run.began_ns <= moment and (run.ended_ns is None or moment < run.ended_ns)
        )
        for moment in range(32)
    ]
    assert highest(runs) == max(at_each_moment)


def test_runs_that_follow_each_other_do_not_overlap() -> None:
    assert highest([(Run("f", 0, 10), 1), (Run("f", 10, 20), 1)]) == 1
    assert highest([(Run("f", 0, 11), 1), (Run("f", 10, 20), 1)]) == 2


def test_notes_become_runs() -> None:
    notes = "began 10\nended 30\npassed 7 38\npassed 50 51\nbegan 60\nended 70\npassed 60 70\n"
    assert list(runs_of("f", notes.splitlines())) == [
        Run("f", 10, 30, added_ns=11),
        Run("f", 60, 70, added_ns=0),
    ]


@pytest.mark.parametrize(
    ("notes", "runs"),
    [
        (["began 10"], [Run("f", 10)]),
        (["began 10", "ended 20"], [Run("f", 10, 20)]),
        (["began 10", "passed 9 30"], [Run("f", 10)]),
        (["began 10", "passed 9 30", "began 40"], [Run("f", 10), Run("f", 40)]),
        (["began 10", "ended 20", "began 30"], [Run("f", 10, 20), Run("f", 30)]),
    ],
)
def test_a_run_without_an_end_counts_as_running(notes: list[str], runs: list[Run]) -> None:
    assert list(runs_of("f", notes)) == runs


def test_journals_are_read_up_to_their_last_whole_line(tmp_path: Path) -> None:
    (tmp_path / "report-gen.11").write_text("began 10\nended 20\npassed 5 26\nbegan 3")
    (tmp_path / "orders-api.12").write_text("began 12\n")
    assert sorted(read(tmp_path), key=lambda run: run.began_ns) == [
        Run("report-gen", 10, 20, added_ns=11),
        Run("orders-api", 12),
    ]


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile(range(1, 101), 50) == 50
    assert percentile(range(1, 101), 99) == 99
    assert percentile([7], 99) == 7
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([], 50) is None
