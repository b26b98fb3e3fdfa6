"""What the demo found out: both phases side by side, and what must not be. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from governor.demo.recording import Recording
from governor.demo.watch import Run, highest, percentile
from governor.model import ACCOUNT
from governor.policy import Policy
from governor.resolver import Resolver

NS_PER_MS: Final = 1_000_000
NOTHING: Final = "-"


class Mark(StrEnum):
    """What to think of a figure."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of one phase."""

    text: str
    mark: Mark = Mark.PLAIN


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of both phases."""

    what: str
    without: Cell
    governed: Cell


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest in_use of a scope, as the handlers' notes tell, and its limit."""

    scope: str
    highest: int
    max_concurrency: int | None

    @property
    def exceeded(self) -> bool:
        """Whether more ran at once than the limit allows."""
        return self.max_concurrency is not None and self.highest > self.max_concurrency


def peaks(policy: Policy, runs: Sequence[Run]) -> list[Peak]:
    """The peaks of all scopes in which there are `runs`: functions, then groups, the account."""
    limits = dict(policy.scopes())
    return [
        Peak(
            scope,
            highest((run, members[run.function]) for run in runs if run.function in members),
            limits[scope].max_concurrency,
        )
        for scope, members in weights(policy, sorted({run.function for run in runs})).items()
    ]


def weights(policy: Policy, functions: Iterable[str]) -> dict[str, dict[str, int]]:
    """For each scope: the functions that count in it, with their weights. Functions come first."""
    scopes: dict[str, dict[str, int]] = {}
    resolver = Resolver(policy)
    for function in functions:
        for hold in resolver.claim(function).holds:
            scopes.setdefault(hold.scope, {})[function] = hold.weight
    return {scope: scopes[scope] for scope in sorted(scopes, key=_kind)}


def table(policy: Policy, without: Recording, governed: Recording) -> list[Row]:
    """The comparison."""
    return [
        _row("watched for", (_plain(f"{each.act.length_s:.0f} s") for each in (without, governed))),
        *_users(without, governed),
        *_messages(without, governed),
        *_limits(policy, without, governed),
        Row("the layer added, half of them (p50)", Cell(NOTHING), _added(governed.runs, 50)),
        Row("… nearly all of them (p99)", Cell(NOTHING), _added(governed.runs, 99)),
    ]


def findings(policy: Policy, without: Recording, governed: Recording) -> list[str]:
    """What must not be: a limit that did not hold, users who were harmed, nothing to see."""
    found = [
        f"with the governor, {each.scope} reached {each.highest}, above its max_concurrency of "
        f"{each.max_concurrency}"
        for each in peaks(policy, governed.runs)
        if each.exceeded
    ]
    if refused := governed.last.refused:
        found.append(f"{refused} requests of users were refused with the governor")
    if failed := without.last.failed + governed.last.failed:
        found.append(f"{failed} invocations failed")
        found += [f"one of them: {each}" for each in _errors(without, governed)]
    if not without.last.refused:
        found.append("no request was refused without the governor: this run has shown nothing")
    if not governed.events:
        found.append("the controller has done nothing: this run has shown nothing")
    if not governed.last.served or not governed.last.done:
        found.append("with the governor nothing was done: this run has shown nothing")
    return found


def _errors(*recordings: Recording) -> Iterable[str]:
    """The errors of all of them, each once."""
    return dict.fromkeys(error for each in recordings for error in each.errors)


def _users(without: Recording, governed: Recording) -> list[Row]:
    both = without.last, governed.last
    return [
        _row("users' requests: served", (_plain(each.served) for each in both)),
        _row("… refused by AWS, the pool was full", (_harm(each.throttled) for each in both)),
        Row("… refused by the governor", Cell(NOTHING), _harm(governed.last.denied)),
    ]


def _messages(without: Recording, governed: Recording) -> list[Row]:
    both = without, governed
    return [
        _row(
            f"messages of the burst: done, of {governed.act.messages}",
            (_plain(each.last.done) for each in both),
        ),
        _row("… the last of them after", (_took(each) for each in both)),
        _row("… tries refused by AWS", (_plain(each.last.background_throttled) for each in both)),
        Row(
            "… tries denied by the governor",
            Cell(NOTHING),
            _plain(governed.last.background_denied),
        ),
    ]


def _limits(policy: Policy, without: Recording, governed: Recording) -> list[Row]:
    before = {each.scope: each for each in peaks(policy, without.runs)}
    return [
        Row(
            f"most at once: {each.scope}, of {each.max_concurrency}",
            _peak(before[each.scope]) if each.scope in before else Cell(NOTHING),
            _peak(each),
        )
        for each in peaks(policy, governed.runs)
        if each.max_concurrency is not None
    ]


def _row(what: str, cells: Iterable[Cell]) -> Row:
    without, governed = cells
    return Row(what, without, governed)


def _plain(value: object) -> Cell:
    return Cell(f"{value}")


def _harm(count: int) -> Cell:
    return Cell(f"{count}", Mark.BAD if count else Mark.GOOD)


def _took(recording: Recording) -> Cell:
    took_s = recording.burst_took_s
    return Cell("not yet" if took_s is None else f"{took_s:.0f} s")


def _peak(peak: Peak) -> Cell:
    return Cell(f"{peak.highest}", Mark.BAD if peak.exceeded else Mark.GOOD)


def _added(runs: Sequence[Run], percent: int) -> Cell:
    added_ns = percentile((run.added_ns for run in runs if run.added_ns is not None), percent)
    return Cell(NOTHING if added_ns is None else f"{added_ns / NS_PER_MS:.1f} ms")


def _kind(scope: str) -> int:
    return ("function", "group", ACCOUNT).index(scope.partition(":")[0])
