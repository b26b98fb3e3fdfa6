"""A token that is kept in AWS Secrets Manager."""

import json
from collections.abc import Iterator

import pytest
from governor_layer import secret
from governor_layer.checkin import Desk, UnavailableError

from governor.demo.ports import free_ports
from tests.layer.behaviour import Behaviour, HangUpError, Request, grants, http
from tests.layer.desks import Context, desk, lease
from tests.layer.misbehaviour import takes
from tests.layer.standin import StandIn

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:governor/layer+token-AbCdEf"


@pytest.fixture(autouse=True)
def _in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that Lambda sets, and nobody who would answer."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    extension, manager = free_ports(2)
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(extension))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{manager}")


def holds(text: str) -> Behaviour:
    """Answer as AWS does, extension and manager alike, whose secret is `text`."""
    return lambda _request: http(200, {"ARN": ARN, "Name": "token", "SecretString": text})


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in for AWS's Parameters and Secrets extension."""
    with StandIn(holds("s3cret")) as peer:
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", peer.url.rpartition(":")[2])
        yield peer


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in for Secrets Manager itself."""
    with StandIn(holds("s3cret")) as peer:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", peer.url)
        yield peer


def with_secret(standin: StandIn) -> Desk:
    """A desk whose token is in the secret."""
    return desk(standin.url, GOVERNOR_TOKEN_SECRET=ARN)


def credentials(standin: StandIn) -> list[str | None]:
    """What has been sent as credential with each check-in."""
    return [r.headers.get("authorization") for r in standin.requests if "id" in r.body]


def test_the_extension_is_asked_at_the_first_check_in(
    standin: StandIn, extension: StandIn, manager: StandIn
) -> None:
    at = with_secret(standin)
    assert extension.requests == []
    for _ in range(3):
        at.check_out(lease(at.check_in({}, Context())))
    (asked,) = extension.requests
    assert (asked.method, asked.path) == (
        "GET",
        f"/secretsmanager/get?secretId={ARN.replace('+', '%2B')}",
    )
    assert asked.headers["x-aws-parameters-secrets-token"] == "session"
    assert credentials(standin) == ["Bearer s3cret"] * 3
    assert standin.requests[1].headers["authorization"] == "Bearer s3cret", "check-outs too"
    assert manager.requests == []


def test_the_extension_need_not_say_how_long_its_answer_is(
    standin: StandIn, extension: StandIn
) -> None:
    def go_does(request: Request) -> bytes:
        _, _, body = holds("s3cret")(request).partition(b"\r\n\r\n")
        request.peer.sendall(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + body)
        raise HangUpError

    extension.behaviour = go_does
    lease(with_secret(standin).check_in({}, Context()))
    assert credentials(standin) == ["Bearer s3cret"]


@pytest.mark.parametrize(
    "text", ['{"token": "s3cret", "other": 1}', ' {"token": "s3cret"}', "s3cret\n"]
)
def test_a_secret_is_a_token_or_has_one(standin: StandIn, extension: StandIn, text: str) -> None:
    extension.behaviour = holds(text)
    lease(with_secret(standin).check_in({}, Context()))
    assert credentials(standin) == ["Bearer s3cret"]


@pytest.mark.parametrize(
    "text", ["", "two words", "{}", '{"token": ""}', "{", '{"token": "\\r\\nX: 1"}']
)
def test_a_secret_without_a_token(standin: StandIn, extension: StandIn, text: str) -> None:
    extension.behaviour = holds(text)
    with pytest.raises(UnavailableError, match=r"^GOVERNOR_TOKEN_SECRET: .* is neither"):
        with_secret(standin).check_in({}, Context())
    assert standin.requests == []


def test_a_token_goes_before_a_secret(standin: StandIn, extension: StandIn) -> None:
    token = "mine"
    lease(desk(standin.url, GOVERNOR_TOKEN=token, GOVERNOR_TOKEN_SECRET=ARN).check_in({}, None))
    assert credentials(standin) == [f"Bearer {token}"]
    assert extension.requests == []


def test_without_the_extension_the_sdk_is_asked(standin: StandIn, manager: StandIn) -> None:
    at = with_secret(standin)
    for _ in range(2):
        at.check_out(lease(at.check_in({}, Context())))
    (asked,) = manager.requests
    assert asked.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert asked.body == {"SecretId": ARN}
    assert credentials(standin) == ["Bearer s3cret"] * 2


@pytest.mark.parametrize(("status", "body"), [(400, "not ready to serve traffic"), (200, ["x"])])
def test_an_extension_that_fails_is_as_good_as_none(
    standin: StandIn, extension: StandIn, manager: StandIn, status: int, body: object
) -> None:
    extension.behaviour = lambda _request: http(status, body)
    lease(with_secret(standin).check_in({}, Context()))
    assert len(manager.requests) == 1
    assert credentials(standin) == ["Bearer s3cret"]


def test_a_secret_that_can_not_be_read_is_not_asked_for_again_at_once(
    standin: StandIn, manager: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    refusal = {"__type": "AccessDeniedException", "Message": "not authorized"}
    manager.behaviour = lambda _: http(400, refusal)
    at = with_secret(standin)
    with pytest.raises(UnavailableError, match=r"^GOVERNOR_TOKEN_SECRET: .* not authorized"):
        at.check_in({}, Context())
    with pytest.raises(UnavailableError, match=r"^not asked again within 5 s: GOVERNOR_TOKEN"):
        at.check_in({}, Context())
    assert len(manager.requests) == 1
    assert standin.requests == []
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "governor: breaker opened"


def wants(token: str) -> Behaviour:
    """A governor that knows one token."""

    def behave(request: Request) -> bytes:
        if request.headers.get("authorization") != f"Bearer {token}":
            return http(401, {"title": "Unauthorized"})
        return grants(request)

    return behave


def test_a_token_that_is_refused_is_read_again(
    standin: StandIn, extension: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = with_secret(standin)
    assert lease(at.check_in({}, Context()))
    standin.behaviour, extension.behaviour = wants("rotated"), holds("rotated")
    with pytest.raises(UnavailableError, match="401"):
        at.check_in({}, Context())
    assert len(extension.requests) == 1, "it has just been read"
    monkeypatch.setattr(secret, "PAUSE_S", 0.0)
    assert lease(at.check_in({}, Context())) == standin.ids()[-1]
    assert len(extension.requests) == 2
    assert credentials(standin)[-2:] == ["Bearer s3cret", "Bearer rotated"]
    assert len(set(standin.ids())) == len(standin.ids()), "each try has an id of its own"


def test_who_may_wait_may_do_so_with_a_token_that_was_read_again(
    standin: StandIn, extension: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret, "PAUSE_S", 0.0)
    at = desk(
        standin.url,
        GOVERNOR_TOKEN_SECRET=ARN,
        GOVERNOR_WAIT_MS="20000",
        GOVERNOR_TIMEOUT_MS="300",
    )
    assert lease(at.check_in({}, Context(remaining_ms=60_000)))
    slowly, extension.behaviour = takes(0.5), holds("rotated")

    def keeps_waiting(request: Request) -> bytes:
        if request.method == "GET":
            return http(200)
        known = request.headers.get("authorization") == "Bearer rotated"
        return slowly(request) if known else http(401, {"title": "Unauthorized"})

    standin.behaviour = keeps_waiting
    assert lease(at.check_in({}, Context(remaining_ms=60_000)))


def test_a_token_that_is_refused_and_has_not_changed(
    standin: StandIn, extension: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret, "PAUSE_S", 0.0)
    standin.behaviour = wants("another")
    with pytest.raises(UnavailableError, match="401"):
        with_secret(standin).check_in({}, Context())
    assert len(standin.ids()) == 1, "it is not tried again"
    assert len(extension.requests) == 2


def test_an_extension_that_hangs_up(standin: StandIn, extension: StandIn, manager: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    extension.behaviour = hangs_up
    lease(with_secret(standin).check_in({}, Context()))
    assert len(manager.requests) == 1
