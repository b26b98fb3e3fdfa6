"""The table of cases that the layers for Python and for Node.js share."""

import pytest

from tests.layer.behaviour import scripted
from tests.layer.node.child import Child
from tests.layer.standin import StandIn
from tests.layer.table import (
    Case,
    Outcome,
    assert_asked,
    assert_came,
    assert_logged,
    cases,
    environ_of,
    event_of,
)

CASES = cases()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case, child: Child, standin: StandIn) -> None:
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
    # AWS's runtime reports an error of the layer's by its `name`.
    name = "name" if "raises" in expect else "kind"
    error = (came["error"][name], came["error"]["message"]) if "error" in came else None
    assert_came(Outcome(came["given"], came.get("returned"), error), expect)
    assert_asked(standin.asked(len(expect["requests"])), expect)
    assert_logged(child.logged(), expect)
