"""Execution environments under test: what came of an invocation, what was logged, what is held."""

import http.client
import json
from collections.abc import Callable
from typing import Any

from governor.demo.environment import Answer, ExecutionEnvironment

FUNCTION = "etl-load"
LIMIT = 3

Launch = Callable[..., ExecutionEnvironment]


def status(url: str) -> dict[str, Any]:
    """What the governor at `url` says of the function's scope."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request("GET", "/v1/status")
        scopes = json.loads(connection.getresponse().read())["scopes"]
    finally:
        connection.close()
    return next(scope for scope in scopes if scope["scope"] == f"function:{FUNCTION}")


def in_use(url: str) -> int:
    """How many leases the function holds."""
    return int(status(url)["in_use"])


def error_type(answer: Answer) -> str | None:
    """The class of the error that an invocation ended with."""
    return answer.body.get("errorType") if isinstance(answer.body, dict) else None


def journal(environment: ExecutionEnvironment) -> list[dict[str, Any]]:
    """What the layer has logged so far, its messages without their prefix."""
    lines = []
    for line in environment.logs().splitlines():
        if line.startswith("{") and '"governor: ' in line:
            fields: dict[str, Any] = json.loads(line)
            lines.append({**fields, "message": fields["message"].removeprefix("governor: ")})
    return lines


def messages(environment: ExecutionEnvironment) -> list[str]:
    """The messages of what the layer has logged so far."""
    return [line["message"] for line in journal(environment)]
