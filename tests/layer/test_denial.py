"""A denial has the shape that the event's source handles best, and any event is survived."""

import json
from pathlib import Path

import pytest
from governor_layer.denial import ConcurrencyLimitExceeded, Denial, answer

EVENTS = {path.stem: path for path in (Path(__file__).parent / "events").glob("*.json")}
ANSWERED_WITH_HEADERS = {"function-url", "http-api-v2", "http-api-v1", "rest-api-v1"}
ANSWERED = ANSWERED_WITH_HEADERS | {"alb", "alb-multi-value", "websocket"}

DENIAL = Denial("f is denied by group:etl: 7 of 7 in use", 1200, "group:etl", 7, 7)
HEADERS = {"content-type": "application/json", "retry-after": "2"}


def event(name: str) -> object:
    """A sample event."""
    return json.loads(EVENTS[name].read_text())


@pytest.mark.parametrize("source", sorted(ANSWERED_WITH_HEADERS))
def test_http_sources_get_a_429_answer(source: str) -> None:
    shape = answer(event(source), DENIAL)
    assert shape == {
        "statusCode": 429,
        "headers": HEADERS,
        "body": '{"message": "Too Many Requests"}',
        "isBase64Encoded": False,
    }


def test_a_load_balancer_wants_a_status_description() -> None:
    shape = answer(event("alb"), DENIAL)
    assert shape["statusDescription"] == "429 Too Many Requests"
    assert shape["headers"] == HEADERS
    assert "multiValueHeaders" not in shape


def test_a_load_balancer_that_sends_lists_wants_lists() -> None:
    shape = answer(event("alb-multi-value"), DENIAL)
    assert shape["statusDescription"] == "429 Too Many Requests"
    assert shape["multiValueHeaders"] == {name: [value] for name, value in HEADERS.items()}
    assert "headers" not in shape


def test_a_web_socket_gets_a_status_and_nothing_else() -> None:
    assert answer(event("websocket"), DENIAL) == {"statusCode": 429}


@pytest.mark.parametrize("source", sorted(set(EVENTS) - ANSWERED))
def test_other_sources_get_an_exception(source: str) -> None:
    with pytest.raises(
        ConcurrencyLimitExceeded, match=r"^f is denied by group:etl: 7 of 7 in use$"
    ):
        answer(event(source), DENIAL)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        [{"requestContext": {}}],
        "requestContext",
        7,
        {},
        {"requestContext": None},
        {"requestContext": ["elb"]},
        {"requestContext": "elb"},
        {"requestContext": {}, "version": "2.0"},
        {"requestContext": {"http": "GET"}, "version": "2.0"},
        {"requestContext": {"stage": "prod"}, "httpMethod": "GET"},
    ],
)
def test_whatever_the_event_is_there_is_one_exception(odd: object) -> None:
    with pytest.raises(ConcurrencyLimitExceeded):
        answer(odd, DENIAL)


@pytest.mark.parametrize(
    ("retry_after_ms", "seconds"),
    [(-5, "1"), (0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (10**12, "900")],
)
def test_retry_after_is_in_whole_seconds_rounded_up(retry_after_ms: int, seconds: str) -> None:
    headers = answer(event("function-url"), Denial("full", retry_after_ms))["headers"]
    assert isinstance(headers, dict)
    assert headers["retry-after"] == seconds
