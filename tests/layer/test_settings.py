"""The variables: what is accepted, and that a complaint names the variable."""

import pytest
from governor_layer.settings import BadSettingError, Settings, fails_closed, is_disabled

GOOD = {"GOVERNOR_URL": "http://governor:8642", "AWS_LAMBDA_FUNCTION_NAME": "orders-api"}


def test_defaults() -> None:
    settings = Settings(GOOD)
    assert (settings.host, settings.port, settings.prefix, settings.tls) == (
        "governor",
        8642,
        "",
        False,
    )
    assert (settings.timeout_s, settings.wait_ms, settings.token) == (0.2, 0, "")
    assert not fails_closed(GOOD)
    assert not is_disabled(GOOD)


@pytest.mark.parametrize(
    ("url", "host", "port", "prefix", "tls"),
    [
        ("http://10.0.0.7", "10.0.0.7", 80, "", False),
        ("https://governor.example.com", "governor.example.com", 443, "", True),
        ("http://[::1]:8642/", "::1", 8642, "", False),
        ("https://lb:444/governor/", "lb", 444, "/governor", True),
    ],
)
def test_addresses(url: str, host: str, port: int, prefix: str, *, tls: bool) -> None:
    settings = Settings({**GOOD, "GOVERNOR_URL": url})
    assert (settings.host, settings.port, settings.prefix, settings.tls) == (
        host,
        port,
        prefix,
        tls,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GOVERNOR_URL", ""),
        ("GOVERNOR_URL", "governor:8642"),
        ("GOVERNOR_URL", "ftp://governor"),
        ("GOVERNOR_URL", "http://"),
        ("GOVERNOR_URL", "http://governor:0"),
        ("GOVERNOR_URL", "http://governor:65536"),
        ("GOVERNOR_URL", "http://governor:eight"),
        ("GOVERNOR_URL", "http://user:secret@governor"),
        ("GOVERNOR_URL", "http://governor/?a=b"),
        ("GOVERNOR_URL", "http://governor\r\nX-Evil: 1"),
        ("GOVERNOR_URL", "http://göverner"),
        ("GOVERNOR_TOKEN", "two words"),
        ("GOVERNOR_TOKEN", "a\r\nX-Evil: 1"),
        ("GOVERNOR_TIMEOUT_MS", "fast"),
        ("GOVERNOR_TIMEOUT_MS", "0"),
        ("GOVERNOR_TIMEOUT_MS", "-1"),
        ("GOVERNOR_TIMEOUT_MS", "1.5"),
        ("GOVERNOR_TIMEOUT_MS", ""),
        ("GOVERNOR_TIMEOUT_MS", "900001"),
        ("GOVERNOR_WAIT_MS", "²"),
        ("AWS_LAMBDA_FUNCTION_NAME", ""),
    ],
)
def test_a_complaint_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(BadSettingError, match=f"^{variable} "):
        Settings({**GOOD, variable: value})


def test_the_token_is_not_told_in_a_complaint() -> None:
    with pytest.raises(BadSettingError) as caught:
        Settings({**GOOD, "GOVERNOR_TOKEN": "very secret"})
    assert "secret" not in str(caught.value)


def test_failing_is_open_or_closed() -> None:
    assert fails_closed({"GOVERNOR_FAIL": "closed"})
    with pytest.raises(BadSettingError, match=r"^GOVERNOR_FAIL is 'shut'"):
        fails_closed({"GOVERNOR_FAIL": "shut"})
