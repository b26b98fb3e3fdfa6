"""Reads a record's files, one line at a time, as the traffic of each function."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from itertools import accumulate
from pathlib import Path
from typing import Final

from governor.errors import InvalidInputError
from governor.replay import form
from governor.replay.denials import Denials
from governor.replay.form import Line
from governor.replay.shelf import PACKED_BEGINS, recorded_files
from governor.replay.trace import Chapter, Flaws, Step, Traffic

_FUNCTION: Final = "function:"
_LONGEST_LINE: Final = 64 * 2**20


class Record:
    """A record that `governor record` wrote: a directory of files, or one of them."""

    def __init__(self, path: Path) -> None:
        """Read what is at `path`. Raises `InvalidInputError` if there are no files."""
        self.flaws = Flaws()
        self._path = path
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
        if last is None:
            flaws = f" ({'; '.join(self.flaws)})" if self.flaws else ""
            reason = f"holds no look at the pool yet{flaws}; let `governor record` run on"
            raise InvalidInputError(f"{self._path}", reason)

    def _lines(self) -> Iterator[tuple[Chapter, Line, str]]:
        begins = accumulate(self._sizes, initial=0)
        for file, before, size in zip(self._files, begins, self._sizes, strict=False):
            raw = self._open(file)
            if raw is None:
                continue
            with raw:
                lines = _whole_lines(raw, file, self.flaws)
                header = next(lines, b"")
                if not header.endswith(b"\n") and len(self._files) > 1:
                    self.flaws.note("files without a whole first line, left out", file.name)
                    continue
                chapter = form.read_header(header, file.name)
                for number, text in enumerate(lines, 2):
                    self._read_bytes = before + min(raw.tell(), size)
                    line = form.read_line(text, file.name, number)
                    yield chapter, line, f"{file.name}, line {number}"
        self._read_bytes = sum(self._sizes)

    def _open(self, file: Path) -> BufferedReader | None:
        """Open a file. A recorder that still writes may have packed or removed it meanwhile."""
        try:
            with suppress(FileNotFoundError):
                return file.open("rb")
            with suppress(FileNotFoundError):
                return file.with_name(f"{file.name}.gz").open("rb")
        except OSError as error:
            raise InvalidInputError(f"{file}", f"can't be read: {error.strerror}") from error
        self.flaws.note("files that a recorder removed meanwhile", file.name)
        return None


def _whole_lines(raw: BufferedReader, file: Path, flaws: Flaws) -> Iterator[bytes]:
    """Yield the lines of a file that is open as `raw`; one that was cut off is a flaw."""
    packed = raw.peek(2).startswith(PACKED_BEGINS)
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
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
