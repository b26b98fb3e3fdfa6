"""The API's description is valid, and holds for whatever a fuzzer makes of it."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from governor.service.openapi import describe
from governor.service.routes import ROUTES
from tests.governors import Governor

EXAMPLES = 400 if os.environ.get("SOAK") else 25
DESCRIPTION = json.loads(json.dumps(describe(ROUTES)))
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION).exclude(path="/v1/stream")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    """A governor whose policy may become anything."""
    with Governor("--data-dir", str(tmp_path_factory.mktemp("fuzzed"))) as governor:
        yield governor


def test_the_description_is_openapi() -> None:
    validate(DESCRIPTION)


def test_it_is_served(governor: Governor) -> None:
    served = governor.call("GET", "/openapi.json").body
    assert served == DESCRIPTION
    assert served["openapi"].startswith("3.1")


@pytest.mark.timeout(600)
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not os.environ.get("SOAK"),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_service(case: Any, fuzzed: Governor) -> None:
    if isinstance(case.body, dict):
        case.body.pop("wait_ms", None)  # a fuzzer has no time to wait in line
    response = case.call(base_url=fuzzed.url)
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
