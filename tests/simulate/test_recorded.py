"""Recordings: whatever is wrong in them is counted; refused is only what has no row at all."""

import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor.errors import InvalidInputError
from governor.simulate.recorded import Recording, durations
from tests.simulate.small import function, played

ANY_FILE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50
)


def recording(folder: Path, text: str) -> Recording:
    (folder / "r.csv").write_text(text)
    return Recording(folder / "r.csv")


@pytest.mark.parametrize(
    "text",
    [
        "1700000000.5\n1700000001\n1700000004.5\n",
        "1700000000500\n1700000001000\n1700000004500\n",
        "time,request\n1700000000.5,a\n1700000001,b\n1700000004.5,c\n",
        '"2023-11-14T22:13:20.5Z"\n"2023-11-14T22:13:21Z"\n\n"2023-11-14T22:13:24.5+00:00"\n',
        "2023-11-14T22:13:20.5\r\n2023-11-14T22:13:21\r\n2023-11-14T22:13:24.5",
    ],
)
def test_timestamps_of_every_kind_count_from_the_first_one(tmp_path: Path, text: str) -> None:
    found = recording(tmp_path, text)
    assert found.until(4).tolist() == [0, 0.5]
    assert found.until(100).tolist() == [4]
    assert str(found.flaws) == "3 rows"


def test_counts_are_spread_over_their_minutes(tmp_path: Path) -> None:
    found = recording(tmp_path, "minute,count\n0,2\n60,0\n120,1\n")
    assert found.until(1000).tolist() == [0, 30, 120]


def test_flaws_are_counted(tmp_path: Path) -> None:
    found = recording(tmp_path, "0,2\n60,1\n60,5\nlunch,1\n360,1\n120,3\n420,many\n480,-1\n")
    assert found.until(1000).tolist() == [0, 30, 60, 360, 360, 380, 400]
    flaws = found.flaws
    assert (flaws.rows, flaws.unreadable, flaws.unsorted) == (8, 3, 1)
    assert (flaws.duplicates, flaws.missing) == (1, 4)
    assert str(flaws) == "8 minutes, of which 3 unreadable, 1 unsorted, 1 duplicates, 4 missing"


def test_equal_timestamps_are_kept(tmp_path: Path) -> None:
    found = recording(tmp_path, "5\n5\n5\n")
    assert found.until(1).tolist() == [0, 0, 0]
    assert found.flaws.duplicates == 2


@ANY_FILE
@given(content=st.binary(max_size=300))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with suppress(InvalidInputError):
        assert (np.diff(Recording(tmp_path / "r.csv").until(1e13)) >= 0).all()


@ANY_FILE
@given(rows=st.lists(st.floats(0, 1e6), max_size=50), cuts=st.sets(st.floats(0, 1e6), max_size=5))
def test_nothing_is_lost_however_it_is_asked_for(
    tmp_path: Path, rows: list[float], cuts: set[float]
) -> None:
    found = recording(tmp_path, "\n".join(str(each) for each in [0, *rows]))
    parts = [found.until(cut).tolist() for cut in [*sorted(cuts), 2e6]]
    assert len([each for part in parts for each in part]) == 1 + len(rows)


def test_a_recording_is_read_as_time_goes_on(tmp_path: Path) -> None:
    lines = "\n".join(str(number / 100) for number in range(200_000))
    found = recording(tmp_path, lines)
    found.until(1)
    assert found.flaws.rows <= 102


def test_recorded_traffic_arrives(tmp_path: Path) -> None:
    chance = random.Random(3)
    times = sorted(chance.uniform(0, 300) for _ in range(500))
    (tmp_path / "t.csv").write_text("\n".join(f"{1.7e9 + each:.4f}" for each in times))
    (tmp_path / "d.csv").write_text("ms\n100\n200\n")
    text = """
        length_s = 400
        [functions.api]
        priority = "user-facing"
        source = { kind = "api" }
        duration = { kind = "recorded", file = "d.csv" }
        arrivals = [{ kind = "recorded", file = "t.csv" }]
    """
    world = played(text, folder=tmp_path)
    assert function(world, "api")["done"] == 500
    assert {name: str(each) for name, each in world.traffic.flaws.items()} == {
        "t.csv": "500 rows",
        "d.csv": "2 rows",
    }


@pytest.mark.parametrize(
    "rows",
    [
        [f"{1_700_000_000 + number},200,/orders" for number in range(5)],
        [f"2024-01-01T10:00:0{number}Z,00000000{number}" for number in range(5)],
        ["1700000000,200"] * 5,
    ],
)
def test_a_number_beside_a_time_is_no_count(tmp_path: Path, rows: list[str]) -> None:
    found = recording(tmp_path, "\n".join(rows))
    assert len(found.until(100)) == 5
    assert found.flaws.of == "rows"


def test_one_minute_alone_has_a_count(tmp_path: Path) -> None:
    assert len(recording(tmp_path, "minute,count\n2024/01/01 10:00:00,7\n").until(60)) == 7


def test_counts_beyond_belief_are_flaws(tmp_path: Path) -> None:
    found = recording(tmp_path, "0,2\n60,6000001\n120,1\n")
    assert len(found.until(1000)) == 3
    assert found.flaws.unreadable == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"time\n", b"0;1\n60;2\n", "0\n1\n".encode("utf-16"), b"\0\n\0\n", b"nan\ninf\n"],
)
def test_a_file_without_a_row_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"r\.csv: has no row that can be read; expected"):
        Recording(tmp_path / "r.csv")


def test_a_byte_order_mark_costs_no_row(tmp_path: Path) -> None:
    assert len(recording(tmp_path, "\ufeff5\n6\n").until(10)) == 2


def test_functions_share_what_is_read_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("0\n1\n2\n")
    text = """
        length_s = 10
        [functions.api]
        count = 3000
        priority = "user-facing"
        source = { kind = "api" }
        duration = { kind = "fixed", ms = 1 }
        arrivals = [{ kind = "recorded", file = "t.csv" }, { kind = "recorded", file = "t.csv" }]
    """
    world = played(text, folder=tmp_path)
    assert function(world, "api-1")["arrived"] == function(world, "api-3000")["arrived"] == 6
    assert str(world.traffic.flaws["t.csv"]) == "3 rows"


def test_durations_are_read_and_their_flaws_counted(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("\ufeffms\n100\nlong\n-1\n0\n900001\nnan\n200,x\n")
    known, flaws = durations(tmp_path / "d.csv")
    assert known.tolist() == [0.1, 0.2]
    assert str(flaws) == "7 rows, of which 5 unreadable"


@pytest.mark.parametrize("content", ["", "ms\n", "0\nnan\n", "x,100\n"])
def test_a_file_without_a_duration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "d.csv").write_text(content)
    with pytest.raises(InvalidInputError, match=r"d\.csv: has no row that can be read; expected"):
        durations(tmp_path / "d.csv")
