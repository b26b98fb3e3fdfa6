"""What the demo found out: a row for each scope, and what is wrong with them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from governor.demo.traffic import Outcome
from governor.demo.watch import Run, highest, percentile
from governor.model import ACCOUNT
from governor.policy import Policy
from governor.resolver import Resolver

NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """What happened in one scope.

    `granted` and `denied` count what callers got, `highest` is the highest in_use that the watcher
    saw. What the layer added (None: nothing was timed) is that of granted invocations.
    """

    scope: str
    max_concurrency: int | None
    invocations: int
    granted: int
    denied: int
    highest: int
    added_p50_ms: float | None
    added_p99_ms: float | None

    @property
    def exceeded(self) -> bool:
        """Whether more ran at once than the limit allows."""
        return self.max_concurrency is not None and self.highest > self.max_concurrency


def weights(policy: Policy, functions: Iterable[str]) -> dict[str, dict[str, int]]:
    """For each scope: the functions that count in it, with their weights. Functions come first."""
    scopes: dict[str, dict[str, int]] = {}
    resolver = Resolver(policy)
    for function in functions:
        for hold in resolver.claim(function).holds:
            scopes.setdefault(hold.scope, {})[function] = hold.weight
    return {scope: scopes[scope] for scope in sorted(scopes, key=_kind)}


def peaks(scopes: Mapping[str, Mapping[str, int]], runs: Sequence[Run]) -> dict[str, int]:
    """The highest in_use of each scope, as the runs tell."""
    return {
        scope: highest((run, members[run.function]) for run in runs if run.function in members)
        for scope, members in scopes.items()
    }


def table(
    policy: Policy,
    scopes: Mapping[str, Mapping[str, int]],
    tally: Mapping[tuple[str, Outcome], int],
    runs: Sequence[Run],
    begun_ns: int,
) -> list[Row]:
    """A row for each scope. Runs before `begun_ns`, in cold environments, don't count as timed."""
    limits = dict(policy.scopes())
    seen = peaks(scopes, runs)
    rows = []
    for scope, members in scopes.items():
        counts = {came: sum(tally.get((name, came), 0) for name in members) for came in Outcome}
        added_ns = [
            run.added_ns
            for run in runs
            if run.function in members and run.began_ns >= begun_ns and run.added_ns is not None
        ]
        rows.append(
            Row(
                scope,
                limits[scope].max_concurrency,
                sum(counts.values()),
                counts[Outcome.GRANTED],
                counts[Outcome.DENIED],
                seen[scope],
                _ms(percentile(added_ns, 50)),
                _ms(percentile(added_ns, 99)),
            )
        )
    return rows


def findings(rows: Sequence[Row], failures: Sequence[str]) -> list[str]:
    """What must not be: a limit that did not hold, an invocation that failed, nothing to see."""
    found = [
        f"{row.scope} reached {row.highest}, above its max_concurrency of {row.max_concurrency}"
        for row in rows
        if row.exceeded
    ]
    if failures:
        found.append(f"{len(failures)} invocations failed, the first of them: {failures[0]}")
    for what, count in (
        ("granted", sum(row.granted for row in rows)),
        ("denied", sum(row.denied for row in rows)),
    ):
        if not count:
            found.append(f"nothing was {what}: this run has shown nothing")
    return found


def _kind(scope: str) -> int:
    return ("function", "group", ACCOUNT).index(scope.partition(":")[0])


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS
