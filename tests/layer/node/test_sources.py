"""Events as no source of AWS's sends them, and answers as no governor gives them."""

from typing import Any

import pytest

from tests.layer.behaviour import http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import Desk
from tests.layer.standin import StandIn

SAYS = "return require(`${LAYER}/source.js`)[given.about](given.event);"


@pytest.mark.parametrize(
    ("count", "attempt"),
    [
        *[("3", 3), (3, 3), ("0", None), ("03", 3)],
        *[(["3"], None), (3.5, None), (-3, None), (True, None), (None, None), ({}, None)],
        *[("", None), (" 3", None), ("+3", None), ("\u0663", None), ("3\n", None)],
    ],
    ids=ascii,
)
def test_an_attempt_is_a_whole_number(child: Child, count: Any, attempt: int | None) -> None:
    attributes = {"ApproximateReceiveCount": count}
    event = {"Records": [{"eventSource": "aws:sqs", "attributes": attributes}]}
    assert child.run(SAYS, about="attemptOf", event=event) == attempt


@pytest.mark.parametrize("other", [[], {}, [1], 0, 7, None, False, True, ""])
def test_a_name_is_a_text(child: Child, other: Any) -> None:
    event = {"Records": [{"eventSource": other, "EventSource": "aws:s3"}]}
    assert child.run(SAYS, about="sourceOf", event=event) == "async"


DENIAL = {"denied_by": "group:etl", "max_concurrency": 7, "in_use": 7, "retry_after_ms": 1200}


@pytest.mark.parametrize("name", DENIAL)
@pytest.mark.parametrize("value", [None, True, [], {}, "wrong"])
def test_a_denial_of_other_types_is_none(
    child: Child, standin: StandIn, name: str, value: Any
) -> None:
    wrong = [7] if name == "denied_by" and value == "wrong" else value
    standin.behaviour = lambda _request: http(429, {**DENIAL, name: wrong})
    with pytest.raises(RaisedError, match="the governor answered 429"):
        Desk(child, standin.url).check_in()


@pytest.mark.parametrize("reinstated", [None, 0, 1, "true", []])
def test_a_renewal_of_other_types_is_none(child: Child, standin: StandIn, reinstated: Any) -> None:
    standin.behaviour = lambda _request: http(200, {"reinstated": reinstated})
    Desk(child, standin.url)
    with pytest.raises(RaisedError, match="the governor answered 200"):
        child.run("await kept.desk.overrun('a:1', contextOf());")
