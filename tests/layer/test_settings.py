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
    assert (settings.timeout_ms, settings.wait_ms, settings.on_denied) == (200, 0, "auto")
    assert (settings.token, settings.secret) == ("", "")
    assert not settings.emf
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
    "url",
    [
        "http://::1:8642",
        "http://[::1",
        "http://::1]:8642",
        "http://[governor]:8642",
        "http://[::1]8642",
        "http://governor:",
        "http://governor:86420000",
        pytest.param(f"http://governor:{'1' * 5000}", id="more than int() takes"),
        "http://governor:²",
        "http:/governor",
        "http://[[::1]]",
        "HTTP://governor",
    ],
)
def test_no_addresses(url: str) -> None:
    """More of them, and bad values of the other variables, are in cases/settings.json."""
    with pytest.raises(BadSettingError, match=r"^GOVERNOR_URL is "):
        Settings({**GOOD, "GOVERNOR_URL": url})


def test_the_token_is_not_told_in_a_complaint() -> None:
    with pytest.raises(BadSettingError) as caught:
        Settings({**GOOD, "GOVERNOR_TOKEN": "very secret"})
    assert "secret" not in str(caught.value)


def test_the_password_in_an_address_is_not_told() -> None:
    with pytest.raises(BadSettingError, match=r"^GOVERNOR_URL is one with credentials") as caught:
        Settings({**GOOD, "GOVERNOR_URL": "http://user:p@ssword@governor"})
    assert "ssword" not in str(caught.value)


def test_failing_is_open_or_closed() -> None:
    assert fails_closed({"GOVERNOR_FAIL": "closed"})
    with pytest.raises(BadSettingError, match=r"^GOVERNOR_FAIL is 'shut'"):
        fails_closed({"GOVERNOR_FAIL": "shut"})
