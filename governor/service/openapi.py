"""The API's description (OpenAPI 3.1), made of the table that serves it."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from governor import __version__
from governor.policy import Policy
from governor.service import problems
from governor.service.app import Answer, Route
from governor.service.problems import Problem
from governor.tokens import Role

_TEMPLATE: Final = "#/components/schemas/{name}"
_INVALID: Final = Answer("Something in the request is wrong; `field` names it.")
_CONDITIONS: Final = {
    "If-Match": "The ETag that the change is based on.",
    "If-None-Match": "`*`: only if there is none yet.",
}
_STALE: Final = Answer("If-Match or If-None-Match holds for another version only.")
_NO_STORE: Final = Answer("The store can't be reached.")
_UNAUTHORIZED: Final = Answer("The token is missing or unknown.")
_FORBIDDEN: Final = Answer("The token's role may not do this.")
_TOO_LARGE: Final = Answer("The body is too large.")


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of `routes`."""
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lambda concurrency governor",
            "version": __version__,
            "description": "Max Concurrency per function and group, without reserving.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """JSON Schemas of every shape in the table; named ones are components."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._types = list(_shapes(routes))
        generated, components = msgspec.json.schema_components(self._types, ref_template=_TEMPLATE)
        self._generated: list[dict[str, Any]] = list(generated)
        self.components = components

    def of(self, shape: Any) -> dict[str, Any]:
        """Return the schema, or the reference to it, of `shape`."""
        index = next(i for i, known in enumerate(self._types) if known is shape)
        return self._generated[index]

    def fields_of(self, shape: Any) -> dict[str, tuple[dict[str, Any], bool]]:
        """Return each field of the struct `shape`: its schema and whether it is required."""
        schema = self.components[shape.__name__]
        required = schema.get("required", [])
        return {name: (field, name in required) for name, field in schema["properties"].items()}


def _shapes(routes: Sequence[Route]) -> list[Any]:
    shapes: list[Any] = [Problem, Policy]
    for route in routes:
        shapes += route.parameters.values()
        shapes += [answer.shape for answer in route.answers.values()]
        shapes += [route.query, None if route.body is bytes else route.body]
    unique: list[Any] = []
    for shape in shapes:
        if shape is not None and not any(shape is known for known in unique):
            unique.append(shape)
    return unique


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "responses": {
            str(status): _response(status, answer, schemas)
            for status, answer in sorted(_answers(route).items())
        },
    }
    if parameters := _parameters(route, schemas):
        operation["parameters"] = parameters
    if route.body is bytes:
        policy = {"schema": schemas.of(Policy)}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": policy, "application/yaml": policy},
        }
    elif route.body is not None:
        content = {"application/json": {"schema": schemas.of(route.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.role is not Role.ANYONE:
        operation["security"] = [{"bearer": []}, {}]
        operation["description"] = (
            f"Needs the role `{route.role}` or `admin` where tokens are in use."
        )
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z]{2,}", route.path.replace(".json", "")) or ["dashboard"]
    return "_".join([route.method.lower(), *words])


def _answers(route: Route) -> dict[int, Answer]:
    """Return the route's own answers and those that come with what it takes."""
    answers = {**route.answers, 400: _INVALID}
    if route.body:
        answers[413] = _TOO_LARGE
    if route.conditional:
        answers[412] = _STALE
    if route.role is not Role.ANYONE:
        answers |= {401: _UNAUTHORIZED, 403: _FORBIDDEN}
    if route.path not in {"/", "/static/{file}", "/healthz", "/openapi.json", "/metrics"}:
        answers[503] = _NO_STORE
    return answers


def _response(status: int, answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.description}
    if answer.shape is not None:
        response["content"] = {answer.content_type: {"schema": schemas.of(answer.shape)}}
    elif status >= 400:  # noqa: PLR2004 - where errors begin
        response["content"] = {problems.CONTENT_TYPE: {"schema": schemas.of(Problem)}}
    elif answer.content_type != "application/json":
        response["content"] = {answer.content_type: {"schema": {"type": "string"}}}
    return response


def _parameters(route: Route, schemas: _Schemas) -> list[dict[str, Any]]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schemas.of(shape)}
        for name, shape in route.parameters.items()
    ]
    if route.query is not None:
        parameters += [
            {"name": name, "in": "query", "required": required, "schema": schema}
            for name, (schema, required) in schemas.fields_of(route.query).items()
        ]
    if route.conditional:
        parameters += [
            {
                "name": name,
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": description,
            }
            for name, description in _CONDITIONS.items()
        ]
    return parameters
