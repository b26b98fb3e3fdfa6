"""Recordings: whatever is in them, it is counted and reported, and nothing is fatal."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor.simulate.recorded import Recording
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
    assert str(flaws) == "8 rows, of which 3 unreadable, 1 unsorted, 1 duplicates, 4 missing"


def test_equal_timestamps_are_kept(tmp_path: Path) -> None:
    found = recording(tmp_path, "5\n5\n5\n")
    assert found.until(1).tolist() == [0, 0, 0]
    assert found.flaws.duplicates == 2


@ANY_FILE
@given(content=st.binary(max_size=300))
def test_no_file_is_fatal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    found = Recording(tmp_path / "r.csv").until(1e13)
    assert (np.diff(found) >= 0).all()


@ANY_FILE
@given(rows=st.lists(st.floats(0, 1e6), max_size=50), cuts=st.lists(st.floats(0, 1e6), max_size=5))
def test_nothing_is_lost_however_it_is_asked_for(
    tmp_path: Path, rows: list[float], cuts: list[float]
) -> None:
    found = recording(tmp_path, "\n".join(str(each) for each in rows))
    parts = [found.until(cut).tolist() for cut in [*sorted(cuts), 2e6]]
    assert len([each for part in parts for each in part]) == len(rows)


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
    assert {name: str(each) for name, each in world.traffic.flaws.items()} == {"t.csv": "500 rows"}
