"""Under AWS's runtime with a governor that misbehaves, or something else in its place.

Where an invocation must not have waited, its function's timeout is shorter than the layer's: had it
waited, it would have been ended.
"""

from collections.abc import Iterator

import pytest

from governor.demo.environment import Answer, ExecutionEnvironment
from tests.layer import misbehaviour
from tests.layer.behaviour import Behaviour, grants
from tests.layer.environments import Launch, error_type, journal, messages
from tests.layer.standin import StandIn
from tests.stores import wait_until

LONGER_THAN_THE_FUNCTION_MAY_TAKE = {"timeout_s": 3, "GOVERNOR_TIMEOUT_MS": "20000"}
SHORT = {"timeout_s": 10, "GOVERNOR_TIMEOUT_MS": "300"}

UNREACHABLE: dict[str, tuple[Behaviour, dict[str, object], str]] = {
    "hangs": (misbehaviour.hangs, SHORT, "timed out"),
    "drips": (misbehaviour.drips, SHORT, "timed out"),
    "answers too late": (misbehaviour.takes(0.6), SHORT, "timed out"),
    "hangs up": (
        misbehaviour.hangs_up,
        LONGER_THAN_THE_FUNCTION_MAY_TAKE,
        "closed without an answer",
    ),
    "hangs up half-way": (
        misbehaviour.hangs_up_half_way,
        LONGER_THAN_THE_FUNCTION_MAY_TAKE,
        "closed without an answer",
    ),
}
"""Behaviours that count as no answer: the layer does not ask again for a while."""

NONSENSE: dict[str, tuple[Behaviour, str]] = {
    "garbage": (misbehaviour.talks_garbage, "no answer of a governor: b'"),
    "a page": (misbehaviour.shows_a_page, "the governor answered 200: b'<html>Welcome"),
    "another lease": (misbehaviour.grants_something_else, "the governor answered 201: "),
    "another's 429": (misbehaviour.denies_without_a_reason, "the governor answered 429: "),
    "a flood": (misbehaviour.floods, "no answer of a governor: b'HTTP/1.1 201 Created'"),
    "302": (misbehaviour.answers(302), "the governor answered 302: "),
    "500": (misbehaviour.answers(500), "the governor answered 500: "),
    "503": (misbehaviour.answers(503), "the governor answered 503: "),
}
"""Answers that are neither grant nor denial. They come at once, so the layer goes on asking."""


def ran(answer: Answer) -> bool:
    """Whether it was the function that answered."""
    return isinstance(answer.body, dict) and "pid" in answer.body


def check_ins(standin: StandIn) -> int:
    """How often the stand-in was asked for a lease."""
    return len(standin.paths("POST"))


@pytest.fixture(params=UNREACHABLE)
def unreachable(
    request: pytest.FixtureRequest, standin: StandIn, launch: Launch
) -> Iterator[tuple[ExecutionEnvironment, str]]:
    """An environment whose governor can't be reached, and the reason as it must be logged."""
    standin.behaviour, settings, reason = UNREACHABLE[request.param]
    yield launch(standin.url, **settings), reason
    standin.close()


def test_one_invocation_finds_out_that_nobody_answers(
    unreachable: tuple[ExecutionEnvironment, str], standin: StandIn
) -> None:
    environment, reason = unreachable
    assert all(ran(environment.invoke({})) for _ in range(4))
    assert check_ins(standin) == 1
    assert standin.paths("DELETE") == []
    (line,) = journal(environment)
    assert (line["level"], line["message"]) == ("WARN", "breaker opened")
    assert reason in line["reason"]


@pytest.mark.parametrize("kind", NONSENSE)
def test_an_answer_that_makes_no_sense_lets_the_function_run(
    standin: StandIn, launch: Launch, kind: str
) -> None:
    standin.behaviour, reason = NONSENSE[kind]
    environment = launch(standin.url, **LONGER_THAN_THE_FUNCTION_MAY_TAKE)
    assert all(ran(environment.invoke({})) for _ in range(3))
    if reason.startswith("no answer"):  # it is lost, so that the next connection takes it back
        assert {request.connection for request in standin.requests} == {0, 1, 2}
    else:
        assert check_ins(standin) == 3, "the next one may be answered"
        assert standin.paths("DELETE") == [], "nobody holds a lease"
    (line,) = journal(environment)
    assert line["message"] == "breaker opened"
    assert line["reason"].startswith(reason)


@pytest.mark.parametrize(
    "behaviour",
    [misbehaviour.hangs_up, misbehaviour.talks_garbage, misbehaviour.answers(503)],
    ids=["hangs up", "garbage", "503"],
)
def test_closed_it_denies_and_says_why(
    standin: StandIn, launch: Launch, behaviour: Behaviour
) -> None:
    standin.behaviour = behaviour
    environment = launch(standin.url, GOVERNOR_FAIL="closed", **LONGER_THAN_THE_FUNCTION_MAY_TAKE)
    for _ in range(2):
        answer = environment.invoke({})
        assert error_type(answer) == "ConcurrencyLimitExceeded"
        assert "GOVERNOR_FAIL is closed" in answer.body["errorMessage"]
    assert messages(environment) == ["breaker opened", "denied", "denied"]


def test_a_redirection_is_not_followed(standin: StandIn, launch: Launch) -> None:
    with StandIn() as other:
        standin.behaviour = misbehaviour.answers(302, f"{other.url}/v1/leases")
        assert ran(launch(standin.url).invoke({}))
        assert check_ins(standin) == 1
        assert other.requests == []


def test_an_answer_just_in_time_counts(standin: StandIn, launch: Launch) -> None:
    standin.behaviour = misbehaviour.takes(1.0)
    environment = launch(standin.url, GOVERNOR_TIMEOUT_MS="2000")
    assert all(ran(environment.invoke({})) for _ in range(2))
    wait_until(lambda: len(standin.paths("DELETE")) == 2, "both leases are given back")
    assert {request.connection for request in standin.requests} == {0}
    assert messages(environment) == []


@pytest.mark.parametrize(
    "behaviour",
    [misbehaviour.closes_silently, misbehaviour.closes_as_told],
    ids=["silently", "as told"],
)
def test_connections_that_end_with_every_answer_cost_no_check_in(
    standin: StandIn, launch: Launch, behaviour: Behaviour
) -> None:
    standin.behaviour = behaviour
    environment = launch(standin.url)
    assert all(ran(environment.invoke({})) for _ in range(5))
    assert messages(environment) == []
    # The last check-out may have met the end of its connection. The next invocation tells it again.
    held = standin.ids()[-5:-1]
    wait_until(
        lambda: {f"/v1/leases/{id_}" for id_ in held} <= set(standin.paths("DELETE")),
        "all but the last lease are given back",
    )


def test_an_impostor_with_a_certificate_of_its_own(encrypted: StandIn, launch: Launch) -> None:
    environment = launch(encrypted.url, **LONGER_THAN_THE_FUNCTION_MAY_TAKE)
    assert all(ran(environment.invoke({})) for _ in range(3))
    assert encrypted.requests == []
    (line,) = journal(environment)
    assert line["message"] == "breaker opened"
    assert "CERTIFICATE_VERIFY_FAILED" in line["reason"]


def test_it_asks_again_once_the_governor_may_be_back(standin: StandIn, launch: Launch) -> None:
    standin.behaviour = misbehaviour.takes(0.6)
    environment = launch(standin.url, **SHORT)
    assert ran(environment.invoke({}))
    standin.behaviour = grants

    def asked_again() -> bool:
        return ran(environment.invoke({})) and check_ins(standin) > 1

    wait_until(asked_again, "it asks again")
    assert check_ins(standin) == 2
    late, granted = (request for request in standin.requests if request.method == "POST")
    assert granted.connection != late.connection, "a late answer must meet nobody"
    both = [f"/v1/leases/{request.body['id']}" for request in (late, granted)]
    wait_until(lambda: standin.paths("DELETE") == both, "the leases are given back")
    assert messages(environment) == ["breaker opened", "breaker closed"]
