"""The table of cases that the layers for Python and for Node.js share."""

from typing import Any

import pytest

from tests.layer.node.child import Child
from tests.layer.standin import StandIn, scripted
from tests.layer.test_cases import RAN, assert_asked, assert_logged, cases, environ_of, event_of


@pytest.mark.parametrize("case", list(cases()))
def test_case(case: dict[str, Any], child: Child, standin: StandIn) -> None:
    expect = case["expect"]
    standin.behaviour = scripted(case.get("governor", []))
    child.logged()
    came = child.run(
        "return await outcomeOf(given);",
        name=case["name"],
        event=event_of(case),
        environ=environ_of(case, standin.url),
        remaining_ms=case.get("remaining_ms", 10_000),
    )
    assert came["name"] == case["name"]
    assert came["given"] == [True] * expect["runs"]
    error = came.get("error")
    if expect["runs"]:
        assert (error, came.get("returned")) == (None, RAN)
    elif "returns" in expect:
        assert (error, came.get("returned")) == (None, expect["returns"])
    elif "raises" in expect:
        assert error["name"] == expect["raises"]
        assert error["message"].startswith(expect["message"])
    else:
        assert error["kind"] == "BadSettingError"
        assert error["message"].startswith(expect["fails_at_init"])
    assert_asked(standin, expect["requests"])
    assert_logged(child.logged(), expect)
