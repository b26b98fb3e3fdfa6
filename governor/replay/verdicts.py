"""Runs policies side by side on a source, and says what each would have done. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from msgspec import Struct

from governor.model import Priority
from governor.replay.course import Course
from governor.replay.tally import Tally
from governor.replay.trace import Source, Step
from governor.replay.trial import Trial
from governor.resolver import Resolver


class Coverage(Struct, frozen=True):
    """What the source holds; times in ISO 8601, UTC."""

    begins: str
    ends: str
    covered_s: float
    gaps: int
    invocations: int
    denied: int
    """As recorded: of CloudWatch's metrics, throttles."""
    functions: int
    flaws: dict[str, int]


class FunctionVerdict(Struct, frozen=True):
    """What a policy means for one function. `share` is denied ÷ invocations."""

    function: str
    priority: Priority
    invocations: int
    denied: int
    share: float
    denied_by: dict[str, int]
    shadow_denied_by: dict[str, int]


class WorstMinute(Struct, frozen=True):
    """A minute in which a policy denied much, and whom."""

    at: str
    invocations: int
    denied: int
    functions: dict[str, int]


class Waited(Struct, frozen=True):
    """Would-be waiting: how many waited before they ran, or gave up and were denied."""

    ran: int
    gave_up: int
    mean_ms: float
    longest_ms: int


class Verdict(Struct, frozen=True):
    """What a policy would have done."""

    policy: str
    invocations: int
    denied: int
    user_facing_denied: int
    shadow_denied: int
    denied_by: dict[str, int]
    functions: list[FunctionVerdict]
    """Those that were denied most first."""
    peaks: dict[str, int]
    waited: Waited
    worst_minutes: list[WorstMinute]


class Comparison(Struct, frozen=True):
    """Policies side by side."""

    record: Coverage
    verdicts: list[Verdict]


Watch = Callable[[Step], None]


def compare(source: Source, trials: Iterable[Trial], watch: Watch = lambda _: None) -> Comparison:
    """Run all `trials` on `source`; `watch` sees each step. Raises `InvalidInputError`."""
    trials, course, covering = list(trials), Course(), _Covering()
    for step in source.steps():
        watch(step)
        covering.add(step)
        events = course.events(step)
        for trial in trials:
            trial.begin(step.chapter)
            for event in events:
                trial.take(event)
    for trial in trials:
        trial.finish()
    return Comparison(
        covering.coverage(source), [_verdict(trial.tally, trial.resolver) for trial in trials]
    )


class _Covering:
    """Adds up what the steps hold."""

    def __init__(self) -> None:
        self._begins_ms: int | None = None
        self._ends_ms = self._covered_ms = self._gaps = self._granted = self._denied = 0
        self._functions: set[str] = set()

    def add(self, step: Step) -> None:
        self._gaps += step.gap and self._begins_ms is not None
        if self._begins_ms is None:
            self._begins_ms = step.start_ms
        self._ends_ms = step.end_ms
        self._covered_ms += 0 if step.gap else step.end_ms - step.start_ms
        self._functions.update(step.traffic)
        for each in step.traffic.values():
            self._granted += each.granted
            self._denied += each.denied

    def coverage(self, source: Source) -> Coverage:
        return Coverage(
            begins=_iso(self._begins_ms or 0),
            ends=_iso(self._ends_ms),
            covered_s=self._covered_ms / 1000,
            gaps=self._gaps,
            invocations=self._granted + self._denied,
            denied=self._denied,
            functions=len(self._functions),
            flaws=dict(source.flaws),
        )


def _verdict(tally: Tally, resolver: Resolver) -> Verdict:
    denied_by: dict[str, dict[str, int]] = {}
    shadow_denied_by: dict[str, dict[str, int]] = {}
    for into, counts in ((denied_by, tally.denials), (shadow_denied_by, tally.shadow_denials)):
        for (function, scope), number in counts.items():
            into.setdefault(function, {})[scope] = number
    functions = [
        FunctionVerdict(
            function=name,
            priority=resolver.claim(name).priority,
            invocations=number,
            denied=(denied := sum(denied_by.get(name, {}).values())),
            share=denied / number,
            denied_by=denied_by.get(name, {}),
            shadow_denied_by=shadow_denied_by.get(name, {}),
        )
        for name, number in tally.arrivals.items()
    ]
    functions.sort(
        key=lambda each: (-each.denied, -sum(each.shadow_denied_by.values()), each.function)
    )
    scopes: Counter[str] = Counter()
    for (_, scope), number in tally.denials.items():
        scopes[scope] += number
    waits = tally.waits
    waiting = waits.ran + waits.gave_up
    return Verdict(
        policy=tally.name,
        invocations=tally.arrivals.total(),
        denied=tally.denials.total(),
        user_facing_denied=sum(
            each.denied for each in functions if each.priority is Priority.USER_FACING
        ),
        shadow_denied=tally.shadow_denials.total(),
        denied_by=dict(scopes.most_common()),
        functions=functions,
        peaks=dict(tally.peaks),
        waited=Waited(
            waits.ran, waits.gave_up, waits.total_ms / waiting if waiting else 0.0, waits.longest_ms
        ),
        worst_minutes=[
            WorstMinute(_iso(each.at_ms), each.came, each.denied, dict(each.functions))
            for each in tally.worst()
        ],
    )


def _iso(at_ms: int) -> str:
    return (
        datetime.fromtimestamp(at_ms / 1000, UTC)
        .isoformat(timespec="seconds")
        .replace("+00:00", "Z")
    )
