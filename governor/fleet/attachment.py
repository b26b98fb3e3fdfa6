"""The steps to a function with the governor before it, and back to what it was. Pure.

What a function had is not copied but told as the way back: a tag names what was added, and removing
just that restores what was there, with all that others have changed meanwhile left as it is. Each
step is decided from what AWS shows at that moment, so whoever begins where another was interrupted
goes on, and arrives at the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from governor.fleet.configuration import (
    Configuration,
    HarmfulError,
    Wanted,
    attached,
    check_readable,
    configuration,
    layer_of,
    without,
)
from governor.fleet.function import Attached, Function
from governor.fleet.memory import TAG, VARIABLES_TAG, EditedTagError, Memory
from governor.layer.contents import HANDLER_VARIABLE, WRAPPER_VARIABLE
from governor.layer.variables import SECRET_VARIABLE, TOKEN_VARIABLE

_TOKENS: Final = frozenset({TOKEN_VARIABLE, SECRET_VARIABLE})
"""Two ways to say the same: the layer goes by the first of them."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Next: write the way back into the function's tags."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class Configure:
    """Next: change the function's configuration."""

    after: Configuration


@dataclass(frozen=True, slots=True)
class Forget:
    """Next: remove our tags."""


@dataclass(frozen=True, slots=True)
class Settled:
    """There is nothing (more) to do."""


@dataclass(frozen=True, slots=True)
class Left:
    """The function is left as it is, and why."""

    reason: str


Change = Remember | Configure | Forget
Step = Change | Settled | Left

_BY_HAND: Final = Left(
    f"was attached by hand (no tag {TAG}): remove its variables and layer yourself"
)


def toward_attached(function: Function, wanted: Wanted) -> Step:
    """Return the next step to a function that is attached as `wanted`.

    Variables that were attached earlier and are not among those wanted stay as they are: who comes
    again with another version does not know all that was said before.
    """
    try:
        memory = Memory.of(function.tags or {})
        former = {} if memory is None else _attached_by(memory, function)
        if not _TOKENS.isdisjoint(wanted.variables):
            former = {name: former[name] for name in former.keys() - _TOKENS}
        variables = {**former, **wanted.variables}
        return _toward(function, memory, replace(wanted, variables=variables))
    except (HarmfulError, EditedTagError) as error:
        return Left(str(error))


def _toward(function: Function, memory: Memory | None, wanted: Wanted) -> Step:
    """Return the next step to a function with the variables wanted, and none of ours besides.

    Raises `HarmfulError`.
    """
    now = configuration(function)
    after, needed = attached(function, now if memory is None else without(now, memory), wanted)
    if memory is not None and memory.layer != needed.layer:
        return Left(f"{memory.layer} is attached: detach it first")
    if now == after:
        settled = memory is None or memory.variables == needed.variables
        return Settled() if settled else Remember(needed)
    if memory is None:
        return Remember(needed)
    if not memory.covers(needed):
        return Remember(replace(needed, variables=memory.variables | needed.variables))
    return Configure(after)


def toward_detached(function: Function) -> Step:
    """Return the next step to the function as it was before it was attached."""
    try:
        memory = Memory.of(function.tags or {})
        if memory is None:
            return Settled() if function.attached is Attached.NO else _BY_HAND
        check_readable(function)
        now = configuration(function)
        before = without(now, memory)
    except (HarmfulError, EditedTagError) as error:
        return Left(str(error))
    return Forget() if now == before else Configure(before)


def toward(function: Function, earlier: Function) -> Step:
    """Return the next step to the function attached as it was `earlier`, or not at all.

    It is for a wave that is rolled back. What others have changed meanwhile stays.
    """
    wanted = _wanted(earlier)
    if wanted is None:
        return toward_detached(function)
    try:
        return _toward(function, Memory.of(function.tags or {}), wanted)
    except (HarmfulError, EditedTagError) as error:
        return Left(str(error))


def _wanted(earlier: Function) -> Wanted | None:
    """Return what was attached to the function as it was `earlier`, None if nothing was."""
    memory = Memory.of(earlier.tags or {})
    if memory is None or earlier.attached not in {Attached.WRAPPER, Attached.HANDLER}:
        return None
    version = next((each for each in earlier.layers if layer_of(each) == memory.layer), None)
    if version is None:
        return None
    return Wanted(version, _attached_by(memory, earlier), memory.at_s)


def _attached_by(memory: Memory, function: Function) -> dict[str, str]:
    """Return the variables that were attached as somebody wanted, as the function has them."""
    names = (memory.variables & function.variables.keys()) - {WRAPPER_VARIABLE, HANDLER_VARIABLE}
    return {name: function.variables[name] for name in names}


def taken(function: Function, step: Step) -> Function:
    """Return the function as it is after `step`, if nobody else touches it."""
    tags = function.tags or {}
    match step:
        case Remember(memory):
            return replace(function, tags={**tags, **memory.tags})
        case Configure(after):
            return replace(
                function, handler=after.handler, layers=after.layers, variables=after.variables
            )
        case Forget():
            rest = {key: tags[key] for key in tags if key not in {TAG, VARIABLES_TAG}}
            return replace(function, tags=rest)
        case Settled() | Left():
            return function


def foreseen(function: Function, decide: Callable[[Function], Step]) -> tuple[Function, Step]:
    """Return the function as it will be when all steps are taken, and the step that ends them."""
    while not isinstance(step := decide(function), Settled | Left):
        function = taken(function, step)
        if isinstance(step, Forget):
            return function, Settled()
    return function, step
