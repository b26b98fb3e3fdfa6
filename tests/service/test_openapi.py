"""The API's description: valid, complete, and true when the service is taken at its word."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from governor.service.openapi import describe
from governor.service.routes import ROUTES
from tests.service.api import Api

EXAMPLES = 1000 if os.environ.get("SOAK") else 60
"""How many requests of each call the fuzzer makes."""

ENDLESS = "/v1/stream"
CALLS = [(route.method, route.path) for route in ROUTES if route.path != ENDLESS]


async def test_the_description_is_valid_openapi(api: Api) -> None:
    reply = await api.get("/openapi.json")
    OpenAPIV31SpecValidator(reply.json).validate()
    assert reply.json["openapi"].startswith("3.1")


async def test_every_call_is_described(api: Api) -> None:
    described: dict[str, Any] = (await api.get("/openapi.json")).json["paths"]
    assert {
        (method.upper(), path) for path, operations in described.items() for method in operations
    } == {(route.method, route.path) for route in ROUTES}
    operations = [each for path in described.values() for each in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert "400" in operation["responses"]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_fuzzing_finds_no_answer_that_is_not_described(api: Api, method: str, path: str) -> None:
    """Right and wrong requests made from the description: no 5xx, each answer as described."""
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    generation = GenerationConfig(modes=modes, with_security_parameters=False)
    config = SchemathesisConfig(
        projects=ProjectsConfig(default=ProjectConfig(generation=generation))
    )
    schema = schemathesis.openapi.from_dict(describe(ROUTES), config=config)
    schema.config.update(base_url=api.url)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy())
    def fuzz(case: schemathesis.Case[Any]) -> None:
        response = case.call()
        # What is no such path or method is for the router, before any call is described.
        if response.status_code not in {404, 405}:
            case.validate_response(
                response,
                checks=[
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_headers_conformance,
                    response_schema_conformance,
                ],
            )

    fuzz()
