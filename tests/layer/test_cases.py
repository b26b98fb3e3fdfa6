"""The table of cases that the layers for Python and for Node.js share (see cases/README.md)."""

import pytest

from tests.layer.behaviour import scripted
from tests.layer.desks import Context
from tests.layer.standin import StandIn
from tests.layer.table import (
    RAN,
    Case,
    Outcome,
    assert_asked,
    assert_came,
    assert_logged,
    cases,
    environ_of,
    event_of,
    run,
)

CASES = cases()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case, standin: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    standin.behaviour = scripted(case.get("governor", []))
    expect, event, called = case["expect"], event_of(case), []

    def handler(given: object, _context: object) -> object:
        called.append(given is event)
        return RAN

    context = Context(remaining_ms=case.get("remaining_ms", 10_000))
    returned, error = run(handler, event, context, environ_of(case, standin.url))
    assert_came(Outcome(called, returned, error), expect)
    assert_asked(standin.asked(len(expect["requests"])), expect)
    assert_logged(capfd.readouterr().out, expect)
