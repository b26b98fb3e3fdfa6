"""A token that is kept in AWS Secrets Manager."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from governor.demo.ports import free_ports
from tests.layer.behaviour import grants, http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import Desk, later
from tests.layer.standin import StandIn
from tests.stores import wait_until

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:governor/token-AbCdEf"

SDK = """
exports.SecretsManagerClient = class {
  async send({ asked }) {
    if (process.env.SECRET === undefined) throw new Error("AccessDenied: " + asked.SecretId);
    return { SecretString: process.env.SECRET };
  }
};
exports.GetSecretValueCommand = class { constructor(asked) { this.asked = asked; } };
"""
"""As much of AWS's SDK as the layer uses."""


@pytest.fixture
def extension() -> Iterator[StandIn]:
    """In the place of AWS's Parameters and Secrets extension."""
    with StandIn(lambda _request: http(200, {"SecretString": '{"token": "s3cret"}'})) as peer:
        yield peer


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A function's folder that has an SDK in it."""
    package = tmp_path / "node_modules" / "@aws-sdk" / "client-secrets-manager"
    package.mkdir(parents=True)
    (package / "index.js").write_text(SDK)
    return tmp_path


def credentials(standin: StandIn) -> list[str | None]:
    """What each check-in and check-out has shown."""
    return [request.headers.get("authorization") for request in standin.requests]


def function(node: Path, extension: str, **environ: str) -> Child:
    """A process in an environment with AWS's extension at that address."""
    port = extension.rpartition(":")[2]
    variables = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port, "AWS_SESSION_TOKEN": "session"}
    return Child(node, **variables, **environ)


def test_the_token_comes_from_awss_extension(
    node: Path, standin: StandIn, extension: StandIn
) -> None:
    with function(node, extension.url) as process:
        at = Desk(process, standin.url, GOVERNOR_TOKEN_SECRET=ARN)
        assert extension.requests == [], "nothing is read before the first check-in"
        for _ in range(2):
            at.check_out(at.check_in())
        wait_until(lambda: len(standin.requests) == 4, "all requests arrive")
    assert credentials(standin) == ["Bearer s3cret"] * 4
    (request,) = extension.requests
    assert request.path == f"/secretsmanager/get?secretId={quote(ARN, safe='')}"
    assert request.headers["x-aws-parameters-secrets-token"] == "session"


@pytest.mark.parametrize("secret", ["s3cret", " s3cret\n", '{"token": "s3cret"}'])
def test_without_the_extension_it_comes_from_the_sdk(
    node: Path, standin: StandIn, sdk: Path, secret: str
) -> None:
    (port,) = free_ports(1)
    with function(node, f":{port}", LAMBDA_TASK_ROOT=str(sdk), SECRET=secret) as process:
        Desk(process, standin.url, GOVERNOR_TOKEN_SECRET=ARN).check_in()
    assert credentials(standin) == ["Bearer s3cret"]


@pytest.mark.parametrize(
    "secret", [None, "", "two words", '{"key": "s3cret"}', "{", '{"token": 7}']
)
def test_without_a_token_nobody_is_asked(
    node: Path, standin: StandIn, sdk: Path, secret: str | None
) -> None:
    (port,) = free_ports(1)
    variables = {"LAMBDA_TASK_ROOT": str(sdk)} | ({} if secret is None else {"SECRET": secret})
    with function(node, f":{port}", **variables) as process:
        at = Desk(process, standin.url, GOVERNOR_TOKEN_SECRET=ARN)
        with pytest.raises(RaisedError, match=f"GOVERNOR_TOKEN_SECRET: the secret {ARN}"):
            at.check_in()
    assert standin.requests == []


def test_a_refused_token_is_read_again(node: Path, standin: StandIn, extension: StandIn) -> None:
    standin.behaviour = lambda request: (
        grants(request) if request.headers["authorization"] == "Bearer new" else http(401, {})
    )
    with function(node, extension.url) as process:
        at = Desk(process, standin.url, GOVERNOR_TOKEN_SECRET=ARN)
        for _ in range(2):  # it has just been read
            with pytest.raises(RaisedError, match="the governor answered 401"):
                at.check_in()
        assert len(extension.requests) == 1
        extension.behaviour = lambda _request: http(200, {"SecretString": "new"})
        with later(process, 5000):
            assert at.check_in()
    assert len(extension.requests) == 2
    assert credentials(standin) == ["Bearer s3cret"] * 3 + ["Bearer new"]


def test_a_secret_that_could_not_be_read_is_tried_again(
    node: Path, standin: StandIn, extension: StandIn, tmp_path: Path
) -> None:
    extension.behaviour = lambda _request: http(500)
    with function(node, extension.url, LAMBDA_TASK_ROOT=str(tmp_path)) as process:
        at = Desk(process, standin.url, GOVERNOR_TOKEN_SECRET=ARN)
        with pytest.raises(RaisedError, match="can't be read: Cannot find module"):
            at.check_in()
        extension.behaviour = lambda _request: http(200, {"SecretString": "s3cret"})
        with later(process, 5000):
            assert at.check_in()
    assert credentials(standin) == ["Bearer s3cret"]


def test_a_token_of_its_own_is_taken_first(
    node: Path, standin: StandIn, extension: StandIn
) -> None:
    both = {"GOVERNOR_TOKEN_SECRET": ARN, "GOVERNOR_TOKEN": "own"}
    with function(node, extension.url) as process:
        Desk(process, standin.url, **both).check_in()
    assert credentials(standin) == ["Bearer own"]
    assert extension.requests == []
