"""Functions of every kind that can be attached, and what AWS says of them."""

import json
from collections.abc import Callable
from typing import Any

from governor.demo.aws.fleet import Fleet
from governor.fleet.discovery import Discovery

Discover = Callable[..., Discovery]
"""Discovers the account, or a selection of it."""

CHANGING = {"RevisionId", "LastModified", "LastUpdateStatus"}
"""Of a function's configuration: what AWS changes with each update."""


def published(fleet: Fleet, name: str) -> str:
    """Publish a layer; return the ARN of its version."""
    made = fleet.functions.publish_layer_version(
        LayerName=name, Content={"ZipFile": f"bytes of {name}".encode()}
    )
    return made["LayerVersionArn"]


def permit(fleet: Fleet, function: str, service: str, **others: str) -> None:
    """Let a service call a function."""
    fleet.functions.add_permission(
        FunctionName=function,
        StatementId=service,
        Action="lambda:InvokeFunction",
        Principal=f"{service}.amazonaws.com",
        **others,  # type: ignore[arg-type]
    )


def several(fleet: Fleet, count: int) -> list[str]:
    """Make functions with other layers, variables, wrappers, tags and runtimes, or without."""
    other = published(fleet, "other")
    names = []
    for number in range(count):
        name = f"f-{number:03}"
        variables: dict[str, str] = {f"V{n}": f"value {n} §" for n in range(number % 4)}
        if number % 3 == 0:
            variables["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/datadog_wrapper"
        settings: dict[str, Any] = {"Environment": {"Variables": variables}} if variables else {}
        if number % 2:
            settings["Layers"] = [other]
        if number % 5 == 0:
            settings["Runtime"] = "nodejs22.x"
        arn = fleet.function(name, **settings)
        if number % 4 == 0:
            fleet.functions.tag_resource(Resource=arn, Tags={"team": f"t{number}"})
        names.append(name)
    return names


def snapshot(fleet: Fleet, names: list[str]) -> dict[str, str]:
    """Everything that AWS says of functions, but what changes with each update anyway."""
    found = {}
    for name in names:
        configuration: dict[str, Any] = {
            **fleet.functions.get_function(FunctionName=name)["Configuration"]
        }
        tags = fleet.functions.list_tags(Resource=configuration["FunctionArn"])["Tags"]
        kept = {key: value for key, value in configuration.items() if key not in CHANGING}
        found[name] = json.dumps([kept, tags])
    return found
