"""A change of many functions, in waves: a few, a look at how they do, then more, or back again.

A rollout keeps no state. Who begins it again plans from what the functions' tags say, so it goes on
where it was; those of its wave that were changed last are watched to the end before there is more.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Final

from governor.aws.errors import CallError
from governor.fleet.attachment import (
    Change,
    Left,
    Settled,
    Step,
    toward,
)
from governor.fleet.aws.configuring import Configuring
from governor.fleet.aws.turn import NotOurTurnError, Turn
from governor.fleet.function import Function
from governor.fleet.health import ENOUGH, Health, harm
from governor.fleet.memory import EditedTagError, Memory
from governor.fleet.stepping import Outcome, Result, bring, looked_at

AT_ONCE: Final = 4
"""Functions that are changed at once: all of an account's tools share Lambda's control plane."""

GROWTH: Final = 5
"""How many times as large as all before it together a wave is."""

BASELINE_S: Final = 3600.0
"""What a wave is compared with: how its functions did in the hour before."""

LOOK_S: Final = 15.0

Decide = Callable[[Function], Step]
Deciding = Callable[[int], Decide]
"""Decides for a wave that begins at a time, in seconds since 1970."""

Vitals = Callable[[Sequence[str], float, float], Health]
"""How functions did from one time to another, in seconds since 1970. Raises `CallError`."""


Tell = Callable[[str, int, int | None], None]
"""Is told what goes on, how far it is, and of how much: functions, or seconds."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What became of it. `stopped`: why it was, and the last wave rolled back if it could be."""

    outcomes: tuple[Outcome, ...]
    rolled_back: tuple[Outcome, ...] = ()
    stopped: str = ""
    waiting: tuple[str, ...] = ()
    """Whose turn did not come."""
    quiet: tuple[str, ...] = ()
    """Who was watched, and invoked too seldom in its wave to tell anything."""

    def then(self, wave: "Rollout") -> "Rollout":
        """Return what became of this and of the next wave."""
        return Rollout(
            self.outcomes + wave.outcomes,
            self.rolled_back + wave.rolled_back,
            wave.stopped,
            quiet=self.quiet + wave.quiet,
        )

    @property
    def is_complete(self) -> bool:
        """Whether every function is where it was to be."""
        left = any(each.result is Result.LEFT for each in self.outcomes)
        return not (left or self.stopped or self.waiting)


@dataclass(frozen=True, slots=True)
class Pace:
    """How large the first wave is, as a part of all, and for how long each is watched.

    With `watch_s` 0 nobody looks.
    """

    canary: float
    watch_s: float


AT_ONCE_WITHOUT_A_LOOK: Final = Pace(canary=1.0, watch_s=0)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at a wave has shown: what got worse, and whether it was enough to tell."""

    worse: str = ""
    tells: bool = True


class Rolling:
    """Rolls changes out, while it is its turn."""

    def __init__(self, edge: Configuring, vitals: Vitals, turn: Turn, tell: Tell) -> None:
        """Change functions by `edge`, look at them by `vitals`, `tell` what goes on."""
        self._edge = edge
        self._vitals = vitals
        self._turn = turn
        self._tell = tell

    def roll_out(self, functions: Sequence[Function], deciding: Deciding, pace: Pace) -> Rollout:
        """Bring all of `functions` to where `deciding` says.

        Stops after the first wave that does worse than before, or can't be watched any more, and
        puts that wave back. Raises `CallError` if how functions do can't be seen from the first;
        then nothing has been changed.
        """
        now_s = time.time()
        decide = deciding(int(now_s))
        functions = self._seen(functions, decide)
        steps = {each.name: decide(each) for each in functions}
        todo = [name for name, step in steps.items() if isinstance(step, Change)]
        settled = [name for name, step in steps.items() if isinstance(step, Settled)]
        if todo and pace.watch_s:
            self._vitals(todo[:1], now_s - BASELINE_S, now_s)
        done = [Outcome(name, Result.SETTLED) for name in settled]
        done += [
            Outcome(name, Result.LEFT, step.reason)
            for name, step in steps.items()
            if isinstance(step, Left)
        ]
        why = self._watch_young(functions, pace.watch_s) if todo else ""
        rollout = Rollout(tuple(done), stopped=why)
        begun, there = 0, len(settled)
        while begun < len(todo) and not rollout.stopped:
            names = todo[begun : begun + _size(there, len(todo) + len(settled), pace.canary)]
            wave = self._wave(names, deciding, pace.watch_s)
            rollout = rollout.then(wave)
            begun += len(names)
            there += sum(each.result is not Result.LEFT for each in wave.outcomes)
        told = {each.name for each in rollout.outcomes}
        return replace(rollout, waiting=tuple(name for name in todo if name not in told))

    def _seen(self, functions: Sequence[Function], decide: Decide) -> list[Function]:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(lambda each: looked_at(each, decide, self._edge), functions))

    def _wave(self, names: Sequence[str], deciding: Deciding, watch_s: float) -> Rollout:
        """Change functions, look at them, and put them back if they do worse."""
        if lost := self._turn_lost():
            return Rollout((), stopped=lost)
        began_s = time.time()
        outcomes = self._bring_all("changing", dict.fromkeys(names, deciding(int(began_s))))
        changed = [each for each in outcomes if each.before is not None]
        touched = tuple(each.name for each in changed)
        look = self._watch(touched, began_s, watch_s)
        back = self._roll_back(changed) if look.worse else []
        return Rollout(tuple(outcomes), tuple(back), look.worse, (), () if look.tells else touched)

    def _watch_young(self, functions: Sequence[Function], watch_s: float) -> str:
        """Watch to the end the wave of a run that was interrupted, if there is one."""
        young = dict(_young(functions, time.time() - watch_s)) if watch_s else {}
        why = self._watch(list(young), min(young.values(), default=0), watch_s).worse
        return why and (
            f"of those that an interrupted run has changed: {why}; detach {', '.join(young)}"
        )

    def _turn_lost(self) -> str:
        try:
            self._turn.keep()
        except (CallError, NotOurTurnError) as error:
            return str(error)
        return ""

    def _bring_all(self, what: str, decisions: Mapping[str, Decide]) -> list[Outcome]:
        outcomes = []
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for outcome in threads.map(self._bring, decisions.keys(), decisions.values()):
                outcomes.append(outcome)
                self._tell(what, len(outcomes), len(decisions))
        return outcomes

    def _bring(self, name: str, decide: Decide) -> Outcome:
        try:
            self._turn.keep()
        except (CallError, NotOurTurnError) as error:
            return Outcome(name, Result.LEFT, str(error))
        return bring(name, decide, self._edge)

    def _watch(self, names: Sequence[str], began_s: float, watch_s: float) -> _Look:
        """Look at functions for a while, but no longer when something gets worse.

        That nobody can see how they do is no better.
        """
        if not names or not watch_s:
            return _Look()
        try:
            return self._look(names, began_s, watch_s)
        except (CallError, NotOurTurnError) as error:
            return _Look(f"how functions do can't be watched any more: {error}")

    def _look(self, names: Sequence[str], began_s: float, watch_s: float) -> _Look:
        before = self._vitals(names, began_s - BASELINE_S, began_s)
        while True:
            self._turn.keep()
            now_s = time.time()
            after = self._vitals(names, began_s, now_s)
            worse = harm(before, after)
            left_s = began_s + watch_s - now_s
            self._tell("watching (s)", round(watch_s - max(0, left_s)), round(watch_s))
            if worse or left_s <= 0:
                return _Look(worse, after.invocations >= ENOUGH)
            time.sleep(min(LOOK_S, left_s))

    def _roll_back(self, changed: Sequence[Outcome]) -> list[Outcome]:
        return self._bring_all(
            "rolling back",
            {
                each.name: partial(toward, earlier=each.before)
                for each in changed
                if each.before is not None
            },
        )


def _young(functions: Sequence[Function], since_s: float) -> Iterator[tuple[str, float]]:
    """Yield those that were attached after `since_s`, and when that was."""
    for function in functions:
        with suppress(EditedTagError):
            memory = Memory.of(function.tags or {})
            if memory is not None and memory.at_s > since_s:
                yield function.name, memory.at_s


def _size(there: int, of: int, canary: float) -> int:
    """Return how many are next of `of` functions, the part `canary` first.

    Those count that are `there`: after a wave in which nobody could be changed, the next is no
    larger.
    """
    return max(ceil(canary * of) - there, GROWTH * there, 1)
