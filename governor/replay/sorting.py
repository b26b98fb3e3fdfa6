"""Sorts lines of text that don't fit into memory: sorted runs in one temporary file, merged."""

import heapq
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

RUN_LINES = 100_000
"""Lines that are sorted in memory: some 15 MB."""

_PIECE: Final = 2**15
"""Bytes of each run that are in memory while runs are merged."""


class Sorted:
    """The lines of `lines`, sorted; they can be read again and again."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read all `lines`, which end in a newline and have no other.

        Raises `OSError` when the directory for temporary files has no room for them.
        """
        self._runs: list[tuple[int, int]] = []
        """Where each begins and ends in the file."""
        self._last: list[str] = []
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - until we go
        weakref.finalize(self, file.close)
        self._file = file.fileno()
        rest, end = iter(lines), 0
        while run := sorted(islice(rest, RUN_LINES)):
            if len(run) < RUN_LINES and not self._runs:
                self._last = run
                return
            begin, packed = end, "".join(run).encode()
            while end < begin + len(packed):
                end += os.write(self._file, packed[end - begin :])
            self._runs.append((begin, end))

    def __iter__(self) -> Iterator[str]:
        """Yield the lines in order."""
        return heapq.merge(*(self._read(*run) for run in self._runs), self._last)

    def _read(self, begin: int, end: int) -> Iterator[str]:
        cut = b""
        while begin < end:
            piece = os.pread(self._file, min(_PIECE, end - begin), begin)
            begin += len(piece)
            *lines, cut = (cut + piece).split(b"\n")
            for line in lines:
                yield line.decode() + "\n"
