"""One function brought to where it is to be: read, decide, do, until nothing is left to do."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from governor.aws.errors import BusyError, CallError, ChangedError, UnansweredError
from governor.fleet.attachment import Change, Configure, Forget, Left, Remember, Settled, Step
from governor.fleet.aws.configuring import FAILED, IN_PROGRESS, Configuring
from governor.fleet.function import Function
from governor.fleet.memory import TAG

PATIENCE_S: Final = 60.0
"""How long to wait for someone else's update of a function to end, or for our own."""

PAUSE_S: Final = 0.5


class Result(StrEnum):
    """What became of a function."""

    CHANGED = "changed"
    SETTLED = "settled"
    """There was nothing to do."""
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a function, why it was left, and how it was `before`, if it was changed."""

    name: str
    result: Result
    reason: str = ""
    before: Function | None = None


def bring(
    name: str, decide: Callable[[Function], Step], edge: Configuring, patience_s: float = PATIENCE_S
) -> Outcome:
    """Take the steps that `decide` says, until it says that there are none.

    An update under way is waited for, and another one's change is decided on anew. So is what was
    done but does not show: AWS may be some time behind. Whoever undoes it is not fought with. What
    can't be done is told in the outcome, never raised.
    """
    until_s = time.monotonic() + patience_s
    before: Function | None = None
    last: Step | None = None
    while True:
        try:
            function = edge.read(name)
            if function.update == IN_PROGRESS:
                raise BusyError(f"an update of {name} is under way")  # noqa: TRY301 - as AWS says it
            step = decide(function)
            if isinstance(step, Settled):
                return _settled(function, before)
            if isinstance(step, Left):
                return Outcome(name, Result.LEFT, step.reason, before)
            if step == last:
                raise ChangedError(f"{name} does not show (any more) what was done to it")  # noqa: TRY301 - as if AWS said it
            _take(step, function, edge)
            before, last = before or function, step
            if isinstance(step, Forget):
                return _settled(function, before)
        except (BusyError, ChangedError, UnansweredError) as error:
            if time.monotonic() > until_s:
                reason = f"not within {patience_s:.0f} s: {error}; run this again later"
                return Outcome(name, Result.LEFT, reason, before)
            time.sleep(PAUSE_S)
        except CallError as error:
            return Outcome(name, Result.LEFT, str(error), before)


def looked_at(
    function: Function, decide: Callable[[Function], Step], edge: Configuring
) -> Function:
    """Return the function as it is now, if its list may be behind: the tags' is, by some time.

    That may be where the function would be left, or is attached and its tags don't say so. A
    function that can't be read is returned as it was.
    """
    is_untold = function.is_attached and TAG not in (function.tags or {})
    if is_untold or isinstance(decide(function), Left):
        with suppress(CallError):
            return edge.read(function.name)
    return function


def _take(step: Change, function: Function, edge: Configuring) -> None:
    match step:
        case Remember(memory):
            edge.remember(function, memory)
        case Configure(after):
            edge.configure(function, after)
        case Forget():
            edge.forget(function)


def _settled(function: Function, before: Function | None) -> Outcome:
    if before is None:
        return Outcome(function.name, Result.SETTLED)
    if function.update == FAILED:
        reason = "AWS could not put the new configuration in place; detach it, or look at it in AWS"
        return Outcome(function.name, Result.LEFT, reason, before)
    return Outcome(function.name, Result.CHANGED, before=before)
