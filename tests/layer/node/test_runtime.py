"""The layer in AWS's own runtimes for Node.js, under AWS's emulator."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from governor.demo.environment import Answer, Attach
from tests.layer.behaviour import denies
from tests.layer.environments import FUNCTION, error_type, journal, messages
from tests.layer.node.environment import NodeEnvironment
from tests.layer.standin import StandIn
from tests.layer.toolchain import INSTALL_TIMEOUT_S, MAJORS
from tests.stores import wait_until

# The first test has to wait until all that it takes is installed and compiled.
pytestmark = pytest.mark.timeout(3 * INSTALL_TIMEOUT_S)

EVENTS = Path(__file__).parents[1] / "events"

Launch = Callable[..., NodeEnvironment]


@pytest.fixture(params=MAJORS)
def major(request: pytest.FixtureRequest) -> int:
    """A major version of Node.js."""
    number: int = request.param
    return number


@pytest.fixture
def launch(rie: Path, major: int) -> Iterator[Launch]:
    """Start execution environments of a function."""
    with ExitStack() as running:

        def start(
            url: str, handler: str, attach: Attach = Attach.WRAPPER, **environ: str
        ) -> NodeEnvironment:
            variables = {"GOVERNOR_URL": url, "GOVERNOR_TIMEOUT_MS": "10000", **environ}
            environment = NodeEnvironment(
                rie, major, handler, attach, function=FUNCTION, environ=variables
            )
            return running.enter_context(environment)

        yield start


def comparable(answer: Answer) -> Any:
    """What came of an invocation, but for whose error it was, and where in which file it arose."""
    if not (isinstance(answer.body, dict) and "errorType" in answer.body):
        return answer.body
    message = re.sub(r"^RequestId: \S+ ", "", answer.body["errorMessage"])
    return answer.body["errorType"], message


def given_back(standin: StandIn) -> bool:
    """Whether every lease that was asked for has been released."""
    return [f"/v1/leases/{id_}" for id_ in standin.ids()] == standin.paths("DELETE")


HANDLERS = [
    *(
        "app.asynchronous",
        "app.promising",
        "app.rejecting",
        "app.throwing",
        "app.nested.deeper.handler",
    ),
    *("app.parented", "app.bound", "app.named"),
    *("app.calling", "app.callingLater", "app.callingWithError"),
    *("app.done", "app.succeeding", "app.failing", "app.returning", "app.nothingLeft"),
    *("app.lingering", "app.hurrying", "app.leaving", "app.crashing"),
    *("app.streaming", "app.streamingFails"),
    *("modern.handler", "modern.inDefault", "esm/typed.handler", "folder/common.handler"),
]
"""Each as it would be set in a function's configuration."""


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_works_as_without_the_layer(
    standin: StandIn, launch: Launch, handler: str
) -> None:
    bare = launch(standin.url, handler, Attach.NONE)
    governed = launch(standin.url, handler)
    for event in ({"order": 7}, [1]):
        expected = comparable(bare.invoke(event))
        assert standin.requests[: len(standin.ids()) * 2] == standin.requests
        assert comparable(governed.invoke(event)) == expected
    wait_until(lambda: given_back(standin), "the leases are given back")
    assert messages(governed) == []


@pytest.mark.parametrize(
    "handler",
    [
        *("nowhere.handler", "app.nobody", "app.notAFunction", "app", "../app.handler"),
        *("broken.handler", "dependant.handler", "strange.handler", "lost.handler"),
    ],
)
def test_a_handler_that_can_not_be_loaded_fails_as_without_the_layer(
    standin: StandIn, launch: Launch, handler: str
) -> None:
    expected = launch(standin.url, handler, Attach.NONE).invoke({})
    answer = launch(standin.url, handler).invoke({})
    assert error_type(answer) == error_type(expected) is not None
    if error_type(answer) != "Runtime.MalformedHandlerName":
        message = answer.body["errorMessage"].partition("\nRequire stack:")[0]
        assert message == expected.body["errorMessage"].partition("\nRequire stack:")[0]
    assert standin.requests == []


@pytest.mark.parametrize(
    ("attach", "handler"),
    [
        (Attach.WRAPPER, "app.asynchronous"),
        (Attach.REDIRECT, "app.asynchronous"),
        (Attach.NONE, "governed.handler"),
        (Attach.WRAPPER, "governed.handler"),
        (Attach.NONE, "governed.streaming"),
        (Attach.WRAPPER, "governed.streaming"),
    ],
)
def test_every_way_to_attach_checks_in_once(
    standin: StandIn, launch: Launch, attach: Attach, handler: str
) -> None:
    environment = launch(standin.url, handler, attach)
    for _ in range(3):
        assert error_type(environment.invoke({})) is None
    wait_until(lambda: len(standin.requests) == 6, "three check-ins, three check-outs")
    assert given_back(standin)
    assert {request.connection for request in standin.requests} == {0}
    # The emulator's request ids.
    assert all(re.fullmatch(r"[0-9a-f-]{36}:[0-9a-f]{8}", id_) for id_ in standin.ids())
    assert messages(environment) == []


@pytest.mark.parametrize("attach", [Attach.WRAPPER, Attach.REDIRECT])
def test_disabled_nobody_checks_in(standin: StandIn, launch: Launch, attach: Attach) -> None:
    environment = launch(standin.url, "app.asynchronous", attach, GOVERNOR_DISABLED="1")
    assert error_type(environment.invoke({})) is None
    assert standin.requests == []


def test_a_denied_handler_does_not_run(standin: StandIn, launch: Launch) -> None:
    standin.behaviour = denies
    answer = launch(standin.url, "app.leaving").invoke({})
    assert error_type(answer) == "ConcurrencyLimitExceeded"
    assert answer.body["errorMessage"] == "etl-load is denied by group:etl: 7 of 7 in use"


def test_a_denied_http_request_is_answered(standin: StandIn, launch: Launch) -> None:
    standin.behaviour = denies
    environment = launch(standin.url, "app.leaving")
    answer = environment.invoke(json.loads((EVENTS / "http-api-v2.json").read_text()))
    assert (answer.body["statusCode"], answer.body["headers"]["retry-after"]) == (429, "2")
    (line,) = journal(environment)
    assert (line["message"], line["outcome"]) == ("denied", "answer")


def test_a_denied_stream_is_answered(standin: StandIn, launch: Launch) -> None:
    standin.behaviour = denies
    environment = launch(standin.url, "app.streaming")
    answer = environment.invoke(json.loads((EVENTS / "function-url.json").read_text()))
    # AWS: metadata as JSON, eight zero bytes, the body.
    metadata, _, body = str(answer.body).partition("\0" * 8)
    assert json.loads(metadata)["statusCode"] == 429
    assert json.loads(metadata)["headers"]["retry-after"] == "2"
    assert json.loads(body) == {"message": "Too Many Requests"}


def test_a_denied_stream_without_aws_global_fails(standin: StandIn, launch: Launch) -> None:
    standin.behaviour = denies
    environment = launch(standin.url, "bare.streaming", AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA="1")
    environment.invoke(json.loads((EVENTS / "function-url.json").read_text()))
    # A set: now and then the emulator hands a stream that failed out a second time, by the same id.
    denials = {(line["message"], line.get("outcome")) for line in journal(environment)}
    assert denials == {("denied", "raise")}, environment.logs()


def test_a_bad_setting_fails_at_init_where_the_governor_is_needed(
    standin: StandIn, launch: Launch
) -> None:
    environment = launch("nonsense", "app.asynchronous", GOVERNOR_FAIL="closed")
    assert environment.invoke({}).body["errorMessage"].startswith("GOVERNOR_URL is 'nonsense'")
    assert standin.requests == []


def test_a_bad_setting_is_logged_where_it_is_not(standin: StandIn, launch: Launch) -> None:
    environment = launch("nonsense", "app.asynchronous")
    assert environment.invoke({"a": 1}).body["event"] == {"a": 1}
    assert messages(environment) == ["bad setting"]
    assert standin.requests == []
