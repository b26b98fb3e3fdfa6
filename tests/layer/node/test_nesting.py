"""One governed handler inside another, with something in between that isn't ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.layer.node.child import Child
from tests.layer.node.desks import environ
from tests.layer.standin import StandIn
from tests.stores import wait_until

NESTED = """
const { governed } = require(LAYER);
const own = governed(async (event) => event);
kept.handler = governed(async (...given) => [await own(...given)]);
"""


@pytest.fixture
def function(node: Path, standin: StandIn) -> Iterator[Child]:
    """A process whose variables are a function's."""
    with Child(node, **environ(standin.url)) as process:
        yield process


def released(standin: StandIn) -> list[str]:
    """The lease of each check-out."""
    return [path.rpartition("/")[2] for path in standin.paths("DELETE")]


def test_one_invocation_takes_one_lease(function: Child, standin: StandIn) -> None:
    function.run(NESTED)
    for count in (1, 2):
        assert function.run("return await kept.handler({ a: 1 }, contextOf());") == [{"a": 1}]
        wait_until(lambda: len(released(standin)) == count, "the check-out")  # noqa: B023
    assert released(standin) == standin.ids()
    assert len(standin.ids()) == 2


def test_a_context_may_be_used_again(function: Child, standin: StandIn) -> None:
    function.run(f"{NESTED} kept.context = contextOf();")
    for _ in range(2):
        function.run("return await kept.handler({}, kept.context);")
    function.run("return await kept.handler({});")
    assert len(standin.ids()) == 4, "without a context nobody knows who is inside"


def test_a_retry_asks_while_the_attempt_that_timed_out_still_runs(
    function: Child, standin: StandIn
) -> None:
    function.run("kept.handler = require(LAYER).governed(async (event) => event.retry?.());")
    # As Managed Instances may: another context in the same process, with the same request id.
    function.run(
        "const retry = () => kept.handler({}, contextOf());"
        "await kept.handler({ retry }, contextOf());"
    )
    assert len(standin.ids()) == 2


def test_a_handler_with_a_callback_may_be_inside(function: Child, standin: StandIn) -> None:
    called = function.run(
        "const { governed } = require(LAYER);"
        "const own = governed((event, context, callback) => callback(null, event));"
        "const between = (...given) => { own(...given); };"
        "const handler = governed(between);"
        "return await new Promise((resolve) => {"
        "  const context = { ...contextOf(), callbackWaitsForEmptyEventLoop: false };"
        "  handler({ a: 1 }, context, (error, result) => resolve(result));"
        "});"
    )
    assert called == {"a": 1}
    wait_until(lambda: released(standin) == standin.ids(), "the check-out")
    assert len(standin.ids()) == 1
