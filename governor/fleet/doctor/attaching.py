"""Functions that are not governed, or not as it seems."""

from collections import defaultdict
from collections.abc import Iterator

from governor.fleet.doctor.examined import Examined, is_disabled
from governor.fleet.doctor.finding import Check, Finding, error, hint, warning
from governor.fleet.doctor.reach import shown
from governor.fleet.function import Function, Package
from governor.layer.contents import (
    HANDLER_VARIABLE,
    HANDLERS,
    URL_VARIABLE,
    WRAPPER,
    WRAPPER_VARIABLE,
)


def no_functions(examined: Examined) -> Iterator[Finding]:
    """There is something to check: an empty account is mostly another one than was meant."""
    if not examined.by_name:
        what = f"there are no functions in {examined.discovery.region}: nothing is checked"
        fix = "name the Region and account that you mean: AWS_DEFAULT_REGION, AWS_PROFILE"
        yield warning(Check.NO_FUNCTIONS, "account", what, fix)


def unattached(examined: Examined) -> Iterator[Finding]:
    """A function that runs asks the governor, else no limit holds for it and nothing counts it.

    The busiest come first.
    """
    for row in sorted(examined.discovery.rows, key=lambda row: -(row.peak or 0)):
        function = row.function
        if not row.peak or function.is_attached or function.unreadable or _before_handler(function):
            continue
        what = (
            f"it ran up to {row.peak} at once within the last 14 days and is not attached: no "
            "limit holds for it, and it counts nowhere"
        )
        if function.unsupported:
            knobs = "" if function.package is Package.IMAGE else "; AWS's own knobs can limit it"
            fix = f"{function.unsupported}{knobs}"
            yield hint(Check.UNATTACHED, f"function:{function.name}", what, fix)
        else:
            fix = f"`governor fleet attach {function.name}`"
            yield warning(Check.UNATTACHED, f"function:{function.name}", what, fix)


def half_attached(examined: Examined) -> Iterator[Finding]:
    """What stands before a handler is there, and knows the handler.

    Lambda developer guide, "Modifying the runtime environment" (wrapper scripts): the runtime can't
    start through a script that is not there.
    """
    for row in examined.discovery.rows:
        function, subject = row.function, f"function:{row.function.name}"
        if function.package is Package.IMAGE:
            continue  # what is in an image can't be seen from here
        before = _before_handler(function)
        if before and not function.layers:
            what = f"{before}, but it has no layer at all: it fails to start"
            fix = "add the governor's layer, or take the setting back"
            yield error(Check.HALF_ATTACHED, subject, what, fix)
        elif _is_redirected(function) and not function.variables.get(HANDLER_VARIABLE):
            what = f"its handler is the governor's, but {HANDLER_VARIABLE} is not set: it can't run"
            fix = f"set {HANDLER_VARIABLE} to the function's own handler"
            yield error(Check.HALF_ATTACHED, subject, what, fix)


def stands_aside(examined: Examined) -> Iterator[Finding]:
    """The layer that is there is told whom to ask, and may."""
    for row in examined.discovery.rows:
        function, subject = row.function, f"function:{row.function.name}"
        variables = function.variables
        if is_disabled(function) and (function.is_attached or _before_handler(function)):
            what = "it is attached, and GOVERNOR_DISABLED has the layer stand aside"
            yield hint(Check.STANDS_ASIDE, subject, what, "remove GOVERNOR_DISABLED")
        elif _before_handler(function) and not variables.get(URL_VARIABLE):
            closed = variables.get("GOVERNOR_FAIL") == "closed"
            does = "it fails to start (GOVERNOR_FAIL is closed)" if closed else "it runs unasked"
            what = f"the layer is before its handler, but {URL_VARIABLE} is not set: {does}"
            found = error if closed else warning
            fix = f"set {URL_VARIABLE} to the governor's address"
            yield found(Check.STANDS_ASIDE, subject, what, fix)


def old_alias(examined: Examined) -> Iterator[Finding]:
    """What an alias leads to is attached, too, not the unpublished version alone.

    Lambda developer guide, "Manage Lambda function versions": a published version keeps the layers
    and variables that it was published with.
    """
    for row in examined.attached:
        named = ", ".join(row.details.old_aliases)
        if named:
            what = (
                f"it is attached, but its aliases {named} lead to versions from before that: calls "
                "by them are not governed"
            )
            fix = "publish a version and have the aliases lead there, as after any change"
            yield warning(Check.OLD_ALIAS, f"function:{row.function.name}", what, fix)


def several_governors(examined: Examined) -> Iterator[Finding]:
    """All functions of an account and Region ask one governor, or replicas over one store."""
    asking: defaultdict[str, list[str]] = defaultdict(list)
    for row in examined.attached:
        asking[shown(row.function.variables[URL_VARIABLE]).rstrip("/")].append(row.function.name)
    if len(asking) > 1:
        counted = ", ".join(f"{url} ({len(names):,})" for url, names in sorted(asking.items()))
        what = f"functions ask {len(asking)} addresses: {counted}"
        fix = "none if their governors share a store and a pool; else limits don't hold: name one"
        yield hint(Check.SEVERAL_GOVERNORS, "governor", what, fix)


def _is_redirected(function: Function) -> bool:
    return function.handler in HANDLERS.values()


def _before_handler(function: Function) -> str:
    """What has been set to get before the handler; "" if nothing."""
    if function.variables.get(WRAPPER_VARIABLE) == WRAPPER:
        return f"{WRAPPER_VARIABLE} is {WRAPPER}"
    return f"its handler is {function.handler}" if _is_redirected(function) else ""


RULES = (no_functions, unattached, half_attached, stands_aside, old_alias, several_governors)
