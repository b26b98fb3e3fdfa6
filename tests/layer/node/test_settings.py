"""Variables as they are set, and what a function's log says of those that can't be used."""

import pytest

from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import environ
from tests.layer.standin import StandIn

HERE = "http://governor:8642"
READ = "const settings = new Settings(given.environ); return settings[given.name];"


@pytest.mark.parametrize("switch", ["GOVERNOR_DISABLED", "GOVERNOR_EMF"])
@pytest.mark.parametrize(
    ("value", "on"),
    [
        *[("1", True), ("true", True), ("TRUE", True), ("yes", True), ("on", True), (" ", True)],
        *[("", False), ("0", False), ("false", False), ("False", False), (None, False)],
    ],
)
def test_a_switch_is_on_but_for_what_says_no(
    child: Child, switch: str, value: str | None, *, on: bool
) -> None:
    variables = environ(HERE) | ({} if value is None else {switch: value})
    if switch == "GOVERNOR_EMF":
        assert child.run(READ, name="emf", environ=variables) == on
    else:
        assert child.run("return entrance(given.environ) === null;", environ=variables) == on


@pytest.mark.parametrize(
    "url",
    [
        *("http://user:s3cret@governor", "user:s3cret@governor:8642", "http://s3cret@governor"),
        *("http://user:s3/cr@et@governor", "http://user\n:s3cret@governor"),
    ],
)
def test_a_password_in_the_address_is_not_told(child: Child, url: str) -> None:
    with pytest.raises(RaisedError) as raised:
        child.run(READ, name="host", environ=environ(url))
    message = str(raised.value)
    assert "GOVERNOR_URL is '" in message
    assert "***@governor" in message
    assert not any(part in message for part in ("s3", "cr@et", "user"))


@pytest.mark.parametrize("url", ["http://[a]:80", "http://[]", "http://[127.0.0.1]:80"])
def test_only_an_ipv6_address_stands_in_brackets(child: Child, url: str) -> None:
    with pytest.raises(RaisedError, match="GOVERNOR_URL is"):
        child.run(READ, name="host", environ=environ(url))


def test_an_ipv6_address_stands_in_brackets(child: Child) -> None:
    assert child.run(READ, name="host", environ=environ("http://[::1]:80")) == "::1"


@pytest.mark.parametrize(
    "variables",
    [
        {"GOVERNOR_URL": "http://a\r\n\x1b[1mb"},
        {"GOVERNOR_FAIL": "a\r\n\x1b[1mb"},
        {"GOVERNOR_ON_DENIED": "a\r\n\x1b[1mb"},
        {"GOVERNOR_WAIT_MS": "a\r\n\x1b[1mb"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_control_characters_are_escaped(child: Child, variables: dict[str, str]) -> None:
    with pytest.raises(RaisedError) as raised:
        child.run(READ, name="host", environ={**environ(HERE), **variables})
    assert r"a\r\n\u001b[1mb'" in str(raised.value)


def test_control_characters_of_an_answer_are_escaped(child: Child, standin: StandIn) -> None:
    answers = iter([b"a\x1b[1mb\r\n\r\n", b"HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\na\nb"])
    standin.behaviour = lambda _request: next(answers)
    for quoted in (r"'a\u001b[1mb'", r"'a\nb'"):
        with pytest.raises(RaisedError) as raised:
            child.run(
                "return await new Desk(new Settings(given.environ)).checkIn({}, contextOf());",
                environ=environ(standin.url),
            )
        assert quoted in str(raised.value)
