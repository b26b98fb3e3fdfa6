"""Who really ran when, independent of the service: from the handlers' own notes. Pure but `read`.

A handler notes when it began and when it ended, so how many ran at once is known exactly, not just
sampled. A lease begins before its handler and ends after it: handlers that overlap held leases at
the same time. All times are CLOCK_MONOTONIC's, in nanoseconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a function's handler."""

    function: str
    began_ns: int
    ended_ns: int | None = None
    """None: it has not ended as far as is known, and counts as running."""
    added_ns: int | None = None
    """What passed between the runtime's call and its return, beside the handler itself."""


def read(journals: Path) -> list[Run]:
    """What the processes that write in the folder `journals` have noted so far."""
    runs: list[Run] = []
    for journal in journals.iterdir():
        lines = journal.read_text().splitlines(keepends=True)
        notes = [line for line in lines if line.endswith("\n")]  # the last may be half written
        runs += runs_of(journal.name.rpartition(".")[0], notes)
    return runs


def runs_of(function: str, notes: Iterable[str]) -> Iterator[Run]:
    """The runs in one process's notes. An invocation that was denied leaves no run."""
    run: Run | None = None
    for note in notes:
        what, *times = note.split()
        at_ns = [int(time) for time in times]
        match what:
            case "began":
                if run is not None:
                    yield run
                run = Run(function, at_ns[0])
            case "ended" if run is not None:
                run = Run(function, run.began_ns, at_ns[0])
            case "passed" if run is not None and run.ended_ns is not None:
                added_ns = at_ns[1] - at_ns[0] - (run.ended_ns - run.began_ns)
                yield Run(function, run.began_ns, run.ended_ns, added_ns)
                run = None
    if run is not None:
        yield run


def highest(runs: Iterable[tuple[Run, int]]) -> int:
    """The highest sum of the weights of `runs` that ran at the same moment.

    A run that ends in the moment in which another begins does not overlap it.
    """
    steps: list[tuple[int, int]] = []
    for run, weight in runs:
        steps.append((run.began_ns, weight))
        if run.ended_ns is not None:
            steps.append((run.ended_ns, -weight))
    return max(accumulate(step for _, step in sorted(steps)), default=0)


def percentile(values: Iterable[int], percent: int) -> int | None:
    """The least of `values` that `percent` percent of them do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[ceil(len(ranked) * percent / 100) - 1] if ranked else None
