"""A record's files: bounded, packed, whole."""

import gzip
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from governor.errors import SettingsError
from governor.replay.shelf import LONGEST_S, Shelf, recorded_files

LINE = b"x" * 99


@contextmanager
def shelf(folder: Path, most_bytes: int = 10_000) -> Iterator[Shelf]:
    with closing(Shelf(folder, most_bytes)) as each:
        yield each


def fill(shelf: Shelf, lines: int, since_ms: int = 0) -> None:
    """Write `lines` a second apart, as a recorder does."""
    for number in range(lines):
        at_ms = since_ms + number * 1000
        if shelf.is_full(at_ms):
            shelf.begin(b"header", at_ms)
        shelf.write(f"{number:099}".encode())


def texts(folder: Path) -> list[str]:
    """What the files hold, the oldest first."""
    return [
        (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
        for file in recorded_files(folder)
        for data in [file.read_bytes()]
    ]


def test_a_directory_never_holds_more_than_it_may(tmp_path: Path) -> None:
    with shelf(tmp_path) as each:
        for second in range(2000):
            if each.is_full(second * 1000):
                each.begin(b"header", second * 1000)
            # Not to be compressed: as bad as it can get.
            each.write(bytes((second * 7 + i * i * second) % 200 + 32 for i in range(99)))
            held = sum(file.stat().st_size for file in tmp_path.iterdir())
            assert held <= 10_000 + 100
    assert len(recorded_files(tmp_path)) >= 5


def test_files_are_packed_and_hold_every_line(tmp_path: Path) -> None:
    with shelf(tmp_path, 100_000) as each:
        fill(each, 250)
    assert {file.suffix for file in tmp_path.iterdir()} == {".gz"}
    lines = [line for text in texts(tmp_path) for line in text.splitlines() if line != "header"]
    assert [int(line) for line in lines] == list(range(250))
    assert all(text.startswith("header\n") for text in texts(tmp_path))


def test_a_file_ends_after_an_hour(tmp_path: Path) -> None:
    with shelf(tmp_path) as each:
        each.begin(b"header", 0)
        assert not each.is_full(LONGEST_S * 1000 - 1)
        assert each.is_full(LONGEST_S * 1000)


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with shelf(tmp_path) as each:
        each.begin(b"header", 0)
        each.write(LINE)
        assert texts(tmp_path) == [f"header\n{LINE.decode()}\n"]


def test_what_a_killed_recorder_left_is_kept_once(tmp_path: Path) -> None:
    with shelf(tmp_path) as each:
        fill(each, 3)
    (packed,) = recorded_files(tmp_path)
    packed.with_suffix("").write_bytes(b"header\n")  # packed, but not removed yet
    (tmp_path / "other.packing").write_bytes(b"half")
    with shelf(tmp_path) as each:
        assert recorded_files(tmp_path) == [packed]
        assert not list(tmp_path.glob("*.packing"))
        each.begin(b"header", 10_000)


def test_a_directory_has_one_recorder(tmp_path: Path) -> None:
    with shelf(tmp_path), pytest.raises(SettingsError, match="another recorder"):
        Shelf(tmp_path, 1000)
    with shelf(tmp_path):
        pass
