"""What AWS lists in pages: functions by 50, their tags by 100, event-source mappings by 100.

ListFunctions has no tags and GetFunction has them one by one; the tagging service has them all, in
an index that is some time behind, of "resources that are or were tagged" (API references). So who
is not in it has no tags.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from governor.aws.calls import Calls
from governor.aws.errors import CallError
from governor.aws.tagged import TagReader
from governor.controller.aws.mappings import function_of, knobs
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.pages import Page, pages, whole
from governor.fleet.function import EventSourceMapping, Fleet, Function, Network, Package

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import (
        EventSourceMappingConfigurationTypeDef,
        FunctionConfigurationResponseTypeDef,
        FunctionConfigurationTypeDef,
        ListEventSourceMappingsResponseTypeDef,
        ListFunctionsResponseTypeDef,
    )

FUNCTIONS: Final = 50
"""Functions per call, at most (API reference, ListFunctions)."""

MAPPINGS: Final = 100
"""Mappings per call, at most (API reference, ListEventSourceMappings)."""

Seen = Callable[[int], None]
"""Is told how many functions have been listed."""


def listed(clients: Clients, calls: Calls, seen: Seen = lambda _: None) -> Fleet:
    """List the account's functions. Raises `CallError` if they can't be listed.

    What else can't be is `missing`.
    """
    found: dict[str, Function] = {}
    for page in pages(lambda marker: _functions(clients, calls, marker)):
        found |= {each.name: each for each in page}
        seen(len(found))
    missing: list[str] = []
    functions = [found[name] for name in sorted(found)]
    try:
        tags = TagReader(clients.tags, calls.make).read(pages=sys.maxsize) or {}
    except CallError as error:
        missing.append(f"tags: {error}")
        functions = [replace(each, tags=None) for each in functions]
    else:
        functions = [replace(each, tags=tags.get(each.name, {})) for each in functions]
    try:
        mappings = whole(lambda marker: _mappings(clients, calls, marker))
    except CallError as error:
        missing.append(f"event-source mappings: {error}")
        mappings = []
    return Fleet(clients.region, tuple(functions), tuple(mappings), tuple(missing))


def _functions(clients: Clients, calls: Calls, marker: str) -> Page[Function]:
    ask = clients.functions.list_functions
    return calls.make(
        "lambda:ListFunctions",
        lambda: ask(MaxItems=FUNCTIONS, Marker=marker) if marker else ask(MaxItems=FUNCTIONS),
        _of_functions,
    )


def _of_functions(answer: "ListFunctionsResponseTypeDef") -> Page[Function]:
    return [function(each) for each in answer["Functions"]], answer.get("NextMarker", "")


def function(
    of: "FunctionConfigurationTypeDef | FunctionConfigurationResponseTypeDef",
) -> Function:
    """What AWS says of a function; its tags are said elsewhere."""
    environment = of.get("Environment", {})
    return Function(
        name=of["FunctionName"],
        arn=of["FunctionArn"],
        runtime=of.get("Runtime", ""),
        package=Package(of.get("PackageType", "Zip").lower()),
        handler=of.get("Handler", ""),
        layers=tuple(each["Arn"] for each in of.get("Layers", ())),
        variables=environment.get("Variables", {}),
        unreadable=environment.get("Error", {}).get("Message", ""),
        timeout_s=of["Timeout"],
        memory_mb=of["MemorySize"],
        network=_network(of),
        dead_letter=of.get("DeadLetterConfig", {}).get("TargetArn", ""),
        state=of.get("State", ""),
        update=of.get("LastUpdateStatus", ""),
        revision=of.get("RevisionId", ""),
    )


def _network(
    of: "FunctionConfigurationTypeDef | FunctionConfigurationResponseTypeDef",
) -> Network | None:
    vpc = of.get("VpcConfig", {})
    if not vpc.get("SubnetIds"):  # once in a VPC and out again, the rest is there and empty
        return None
    groups = tuple(vpc.get("SecurityGroupIds", ()))
    return Network(vpc.get("VpcId", ""), tuple(vpc["SubnetIds"]), groups)


def _mappings(clients: Clients, calls: Calls, marker: str) -> Page[EventSourceMapping]:
    ask = clients.functions.list_event_source_mappings
    return calls.make(
        "lambda:ListEventSourceMappings",
        lambda: ask(MaxItems=MAPPINGS, Marker=marker) if marker else ask(MaxItems=MAPPINGS),
        _of_mappings,
    )


def _of_mappings(answer: "ListEventSourceMappingsResponseTypeDef") -> Page[EventSourceMapping]:
    found = [
        _mapping(each) for each in answer["EventSourceMappings"] if each.get("State") != "Deleting"
    ]
    return found, answer.get("NextMarker", "")


def _mapping(of: "EventSourceMappingConfigurationTypeDef") -> EventSourceMapping:
    uuid = of["UUID"]
    function_arn = of["FunctionArn"]
    return EventSourceMapping(
        uuid=uuid,
        arn=of.get("EventSourceMappingArn") or _arn_of(function_arn, uuid),
        function=function_of(function_arn),
        source=of.get("EventSourceArn", ""),
        knobs=knobs(of),
        min_pollers=(of.get("ProvisionedPollerConfig") or {}).get("MinimumPollers"),
        reports_failures="ReportBatchItemFailures" in of.get("FunctionResponseTypes", ()),
        on_failure=of.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
    )


def _arn_of(function: str, uuid: str) -> str:
    return f"{':'.join(function.split(':')[:5])}:event-source-mapping:{uuid}"
