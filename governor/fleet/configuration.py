"""A function's configuration: with the governor, without it, and what differs. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governor.errors import GovernorError
from governor.fleet.function import Function
from governor.fleet.memory import Memory
from governor.layer.contents import (
    HANDLER_VARIABLE,
    HANDLERS,
    WRAPPER,
    WRAPPER_VARIABLE,
)
from governor.layer.variables import TOKEN_VARIABLE

MAX_LAYERS: Final = 5
MAX_VARIABLES_BYTES: Final = 4096
"""Both are Lambda quotas, "Function configuration, deployment, and execution". What counts is the
variables' JSON: AWS's refusal cites it."""

PATH_VARIABLE: Final = "PYTHONPATH"
LAYER_PATH: Final = "/opt/python"
"""Python's runtime adds the path to its own unless the variable is set; our wrapper would."""

HIDDEN: Final = "(hidden)"


class HarmfulError(GovernorError):
    """A function can't be changed, or not without doing harm."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The part of a function's configuration that attaching changes."""

    handler: str
    layers: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be attached: the ARN of the layer's version, the values of the layer's variables.

    `at_s` tells the wave that attaches by when it began, in seconds since 1970.
    """

    layer: str
    variables: Mapping[str, str]
    at_s: int


def configuration(function: Function) -> Configuration:
    """Return the part of its configuration that matters here."""
    return Configuration(function.handler, function.layers, function.variables)


def attached(
    function: Function, base: Configuration, wanted: Wanted
) -> tuple[Configuration, Memory]:
    """Return `base` with the governor, and the way back to it. Raises `HarmfulError`."""
    family = _family(function)
    check_readable(function)
    added = dict(wanted.variables)
    handler = base.handler
    if base.variables.get(WRAPPER_VARIABLE, WRAPPER) == WRAPPER:
        added[WRAPPER_VARIABLE] = WRAPPER
    else:  # the one wrapper slot is taken
        added[HANDLER_VARIABLE] = base.handler
        handler = HANDLERS[family]
        _check_path(family, base)
    _check_by_hand(base, added)
    variables = {**base.variables, **added}
    size = len(json.dumps(variables, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_VARIABLES_BYTES:
        raise HarmfulError(
            f"its variables would take {size} of {MAX_VARIABLES_BYTES} bytes: shorten them, or use "
            "the decorator `governed`, which needs GOVERNOR_URL alone"
        )
    names = frozenset(added.keys() - base.variables.keys())
    former = next((each for each in base.layers if layer_of(each) == layer_of(wanted.layer)), None)
    memory = Memory(
        layer_of(wanted.layer),
        None if former is None else int(former.rpartition(":")[2]),
        names,
        wanted.at_s,
    )
    return Configuration(handler, _with_layer(function.layers, wanted.layer), variables), memory


def without(now: Configuration, memory: Memory) -> Configuration:
    """Go back by `memory`. What is not there (any more) is not missed.

    Raises:
        HarmfulError: the former handler is not known any more.

    """
    former = [f"{memory.layer}:{memory.former}"] if memory.former is not None else []
    layers = [
        layer
        for each in now.layers
        for layer in ([each] if layer_of(each) != memory.layer else former)
    ]
    is_redirected = now.handler in HANDLERS.values() and HANDLER_VARIABLE in memory.variables
    if is_redirected and HANDLER_VARIABLE not in now.variables:
        raise HarmfulError(
            f"its handler is the layer's, and somebody has removed {HANDLER_VARIABLE}, which named "
            "its own: set its own handler, and run this again"
        )
    return Configuration(
        now.variables[HANDLER_VARIABLE] if is_redirected else now.handler,
        tuple(layers),
        {
            name: value
            for name, value in now.variables.items()
            if name not in memory.variables or _is_of_others(name, value)
        },
    )


def _is_of_others(name: str, value: str) -> bool:
    """Whether another tool has meanwhile taken the one wrapper slot for itself."""
    return name == WRAPPER_VARIABLE and value != WRAPPER


def differences(before: Configuration, after: Configuration) -> Iterator[tuple[str, str, str]]:
    """Yield what changes, by path; "" is nothing.

    Neither values of variables that stay are told, nor tokens: it may be a log that is written.
    """
    if before.handler != after.handler:
        yield "handler", before.handler, after.handler
    for layer in before.layers:
        if layer not in after.layers:
            yield "layers", layer, ""
    for layer in after.layers:
        if layer not in before.layers:
            yield "layers", "", layer
    for name in sorted(before.variables.keys() | after.variables.keys()):
        values = before.variables.get(name, ""), after.variables.get(name, "")
        if values[0] != values[1]:
            if name == TOKEN_VARIABLE:
                values = values[0] and HIDDEN, values[1] and HIDDEN
            yield f"variables.{name}", *values


def layer_of(version_arn: str) -> str:
    """Return the ARN of a layer without its version."""
    return version_arn.rpartition(":")[0]


def _family(function: Function) -> str:
    """Return what the function's runtime is one of. Raises `HarmfulError`."""
    if function.unsupported:
        raise HarmfulError(function.unsupported)
    return next(family for family in HANDLERS if function.runtime.startswith(family))


def check_readable(function: Function) -> None:
    """Raise `HarmfulError` if AWS does not show the variables: to set some is to lose the rest."""
    if function.unreadable:
        raise HarmfulError(
            f"its variables can't be read ({function.unreadable}), so they would be lost: "
            "let kms:Decrypt be granted for their key"
        )


def _check_by_hand(base: Configuration, added: Mapping[str, str]) -> None:
    for name, value in added.items():
        if base.variables.get(name, value) != value:
            raise HarmfulError(
                f"{name} has been set by hand, to something else: remove it, and attach again"
            )
    if base.handler in HANDLERS.values():
        raise HarmfulError(
            f"its handler has been set to {base.handler} by hand: set it back to "
            f"{base.variables.get(HANDLER_VARIABLE, 'its own')}, and attach again"
        )


def _check_path(family: str, base: Configuration) -> None:
    path = base.variables.get(PATH_VARIABLE)
    if family == "python" and path is not None and LAYER_PATH not in path.split(":"):
        raise HarmfulError(
            f"another wrapper is set, and {PATH_VARIABLE} keeps Python from looking into layers: "
            f"add {LAYER_PATH} to it, and attach again"
        )


def _with_layer(layers: tuple[str, ...], wanted: str) -> tuple[str, ...]:
    """Add the layer as the last one, or exchange its version where it is."""
    if any(layer_of(each) == layer_of(wanted) for each in layers):
        return tuple(wanted if layer_of(each) == layer_of(wanted) else each for each in layers)
    if len(layers) >= MAX_LAYERS:
        raise HarmfulError(f"it has {len(layers)} layers, and Lambda takes {MAX_LAYERS}")
    return (*layers, wanted)
