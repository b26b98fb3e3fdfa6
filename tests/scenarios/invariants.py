"""What must hold in every scenario, whatever happens in it."""

from typing import Any, Final

from governor.controller.aws.calls import KEPT_FOR_CHANGES
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.standin import StandIn
from governor.settings import CALLS_PER_S
from tests.scenarios.watch import Watch

SAVED_UP: Final = KEPT_FOR_CHANGES + 5 * CALLS_PER_S
"""Calls that a controller may make at once when it has made none for a while."""

_PASSING: Final = frozenset({"LastModified", "StateTransitionReason", "LastProcessingResult"})

Settings = dict[str, dict[str, Any]]


def settings(fleet: Fleet, standin: StandIn) -> Settings:
    """All that a controller may change in the account, by function."""
    listed = fleet.functions.list_event_source_mappings()["EventSourceMappings"]
    found: Settings = {}
    for each in listed:
        name = each["FunctionArn"].split(":")[6]
        found.setdefault(name, {})[each["UUID"]] = {
            field: value for field, value in each.items() if value and field not in _PASSING
        } | {"tags": standin.state.tags.get(each["EventSourceMappingArn"]) or {}}
    for function in fleet.functions.list_functions()["Functions"]:
        name = function["FunctionName"]
        found.setdefault(name, {})["function"] = {
            "reserved": standin.state.reserved.get(name),
            "tags": standin.state.tags.get(function["FunctionArn"]) or {},
        }
    return found


def check(watch: Watch, controllers: int) -> None:
    """Hold what was seen against what must be; `controllers` is how many ran, one after another."""
    assert not watch.exceeded, watch.exceeded
    for name, scope in watch.scopes.items():
        most = scope["max_concurrency"]
        assert most is None or scope["peak"] <= most + scope["overruns"], (name, scope)
    over = overspent(watch, controllers)
    assert over is None, over
    for text in watch.actions():
        assert any(letter.isdigit() for letter in text), f"an action without a figure: {text}"
    errors = [text for kind, text in watch.events if kind == "error"]
    assert not errors, errors


def budget(seconds: float, controllers: int) -> int:
    """Calls of Lambda's control plane that so many controllers may make, of which one leads."""
    return int(SAVED_UP * controllers + CALLS_PER_S * seconds)


def overspent(watch: Watch, controllers: int) -> str | None:
    """Where more calls were made than the budget allows in any stretch of time."""
    for index, (since_s, before) in enumerate(watch.asked):
        for until_s, after in watch.asked[index + 1 :]:
            most = budget(until_s - since_s, controllers)
            if after - before > most:
                return f"{after - before} calls in {until_s - since_s:.1f} s, at most {most}"
    return None
