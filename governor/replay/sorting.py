"""Sorts lines of text that don't fit into memory: sorted runs in a temporary file, merged."""

import heapq
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TextIO

RUN_LINES = 100_000
"""Lines that are sorted in memory: some 15 MB."""


class Sorted:
    """The lines of `lines`, sorted; they can be read again and again."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read all `lines`, which end in a newline and have no other."""
        self._runs: list[TextIO] = []
        self._last: list[str] = []
        rest = iter(lines)
        while run := sorted(islice(rest, RUN_LINES)):
            if len(run) < RUN_LINES and not self._runs:
                self._last = run
                return
            file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - until we go
            weakref.finalize(self, file.close)
            file.writelines(run)
            self._runs.append(file)

    def __iter__(self) -> Iterator[str]:
        """Yield the lines in order. One reader at a time."""
        for run in self._runs:
            run.seek(0)
        return heapq.merge(*self._runs, self._last)
