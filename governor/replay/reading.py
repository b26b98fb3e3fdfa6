"""Reads a record's files, one line at a time, as the traffic of each function."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from governor.errors import InvalidInputError
from governor.replay import form
from governor.replay.denials import Denials
from governor.replay.form import Line
from governor.replay.shelf import PACKED, recorded_files
from governor.replay.trace import Chapter, Flaws, Step, Traffic

_FUNCTION: Final = "function:"
_LONGEST_LINE: Final = 64 * 2**20


class Record:
    """A record that `governor record` wrote: a directory of files, or one of them."""

    def __init__(self, path: Path) -> None:
        """Read what is at `path`. Raises `InvalidInputError` if there are no files."""
        self.flaws = Flaws()
        self._files = recorded_files(path) if path.is_dir() else [path]
        if not self._files:
            raise InvalidInputError(f"{path}", "holds no record; was `governor record` ever run?")
        self._sizes = [file.stat().st_size for file in self._files]
        self._read_bytes = 0

    @property
    def read(self) -> float:
        """How much of it was read, 0 to 1."""
        return self._read_bytes / max(1, sum(self._sizes))

    def steps(self) -> Iterator[Step]:
        """Yield the steps from the first. Raises `InvalidInputError`."""
        self.flaws.clear()
        last: Line | None = None
        denials = Denials(self.flaws)
        for chapter, line, where in self._lines():
            if last is not None and line.at_ms <= last.at_ms:
                self.flaws.note("lines whose time is not after the one before", where)
                continue
            is_gap = line.gap or last is None or line.at_ms - last.at_ms > form.GAP_MS
            start_ms = line.at_ms if last is None else last.at_ms
            traffic = _standing(line) if is_gap else denials.traffic(line, chapter)
            yield Step(start_ms, line.at_ms, chapter, traffic, is_gap)
            last = line

    def _lines(self) -> Iterator[tuple[Chapter, Line, str]]:
        self._read_bytes = 0
        for file, size in zip(self._files, self._sizes, strict=True):
            before = self._read_bytes
            with file.open("rb") as raw:
                lines = _whole_lines(raw, file, self.flaws)
                chapter = form.read_header(next(lines, b""), file.name)
                for number, text in enumerate(lines, 2):
                    self._read_bytes = before + min(raw.tell(), size)
                    line = form.read_line(text, file.name, number)
                    yield chapter, line, f"{file.name}, line {number}"
            self._read_bytes = before + size


def _whole_lines(raw: BinaryIO, file: Path, flaws: Flaws) -> Iterator[bytes]:
    """Yield the lines of a file that is open as `raw`; one that was cut off is a flaw."""
    stream = gzip.GzipFile(fileobj=raw) if file.name.endswith(PACKED) else raw
    try:
        yield stream.readline(_LONGEST_LINE)  # a header without an end is looked at, too
        while line := stream.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                flaws.note("files whose last line was cut off", file.name)
                return
            yield line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        flaws.note("packed files that are damaged, read up to there", file.name)


def _standing(line: Line) -> dict[str, Traffic]:
    return {
        scope.removeprefix(_FUNCTION): Traffic(in_use=count.in_use)
        for scope, count in line.scopes.items()
        if scope.startswith(_FUNCTION)
    }
