"""`governor layer publish` against a stand-in for AWS (moto's server)."""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from governor.demo.ports import free_ports
from governor.layer import archive, publish
from governor.lifeline import tied
from tests.governors import run
from tests.layer.behaviour import http
from tests.layer.standin import StandIn
from tests.stores import wait_until

NO_ACCOUNT = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}
ACCOUNT = {
    **NO_ACCOUNT,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of something that answers as AWS does."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    output = tmp_path_factory.mktemp("moto") / "output"

    def answers() -> bool:
        assert process.poll() is None, output.read_text()
        try:
            with urllib.request.urlopen(f"{url}/moto-api/data.json") as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    with (
        output.open("w") as written,
        subprocess.Popen(
            tied([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]),
            stdout=written,
            stderr=written,
        ) as process,
    ):
        try:
            wait_until(answers, "moto answers")
            yield url
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _none_of_the_hosts_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def name() -> str:
    """A layer's name that no other test uses."""
    return f"governor-{secrets.token_hex(4)}"


def published(*arguments: str, **variables: str) -> dict[str, Any]:
    """What `governor layer publish` says that it has done."""
    ended = run("layer", "publish", "--json", *arguments, **ACCOUNT, **variables)
    assert (ended.returncode, ended.stderr) == (0, "")
    value: dict[str, Any] = json.loads(ended.stdout)
    return value


def refused(*arguments: str, status: int, **variables: str) -> str:
    """The one line in which it complains."""
    ended = run("layer", "publish", *arguments, **variables)
    assert (ended.returncode, ended.stdout) == (status, ""), ended
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_version_is_made_once(aws: str, name: str) -> None:
    built = archive.build(archive.sources())
    first = published("--name", name, AWS_ENDPOINT_URL=aws)
    assert first == {
        "arn": f"arn:aws:lambda:eu-central-1:123456789012:layer:{name}:1",
        "version": 1,
        "new": True,
        "sha256": built.sha256,
    }
    again = published("--name", name, AWS_ENDPOINT_URL=aws)
    assert again == {**first, "new": False}


def test_what_aws_is_told(aws: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    published("--name", name, AWS_ENDPOINT_URL=aws)
    for variable, value in ACCOUNT.items():
        monkeypatch.setenv(variable, value)
    client = boto3.client("lambda", endpoint_url=aws)
    version = client.get_layer_version(LayerName=name, VersionNumber=1)
    client.close()
    built = archive.build(archive.sources())
    assert version["CompatibleRuntimes"] == [
        *("python3.11", "python3.12", "python3.13", "python3.14"),
        *("nodejs20.x", "nodejs22.x", "nodejs24.x"),
    ]
    assert version["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert version["LicenseInfo"] == "Apache-2.0"
    assert built.sha256 in version["Description"]
    assert version["Content"]["CodeSha256"] == built.code_sha256


def test_a_changed_layer_is_another_version(
    aws: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {**ACCOUNT, "AWS_ENDPOINT_URL": aws}.items():
        monkeypatch.setenv(variable, value)
    (tmp_path / "python" / "governor_layer").mkdir(parents=True)
    (tmp_path / "governor").touch()
    versions = []
    for text in ("one = 1\n", "two = 2\n", "two = 2\n", "one = 1\n"):
        (tmp_path / "python" / "governor_layer" / "__init__.py").write_text(text)
        done = publish.publish(archive.build(tmp_path), name)
        versions.append((done.version, done.new))
    assert versions == [(1, True), (2, True), (2, False), (3, True)]


def test_people_are_told_in_words(aws: str, name: str) -> None:
    variables = {**ACCOUNT, "AWS_ENDPOINT_URL": aws}
    arn = f"arn:aws:lambda:eu-central-1:123456789012:layer:{name}:1"
    command = ("layer", "publish", "--name", name)
    assert run(*command, **variables).stdout == f"{arn} is published\n"
    assert run(*command, **variables).stdout == f"{arn} is up to date\n"


def test_a_dry_run_shows_the_call_and_makes_none(standin: StandIn) -> None:
    shown = published("--dry-run", "--name", "mine", AWS_ENDPOINT_URL=standin.url)
    assert standin.requests == []
    content = archive.build(archive.sources()).content
    assert shown["call"] == "lambda:PublishLayerVersion"
    assert shown["arguments"]["LayerName"] == "mine"
    assert shown["arguments"]["Content"]["ZipFile"] == {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert "nodejs24.x" in shown["arguments"]["CompatibleRuntimes"]


def test_a_dry_run_needs_no_account() -> None:
    assert run("layer", "publish", "--dry-run", **NO_ACCOUNT).returncode == 0


def test_the_zip_is_what_goes_over_the_line(standin: StandIn) -> None:
    built = archive.build(archive.sources())
    arn = "arn:aws:lambda:eu-central-1:123456789012:layer:governor:8"
    answers = iter(
        [
            http(200, {"LayerVersions": [{"Version": 2}, {"Version": 7}]}),
            http(200, {"LayerVersionArn": arn, "Content": {"CodeSha256": "another"}}),
            http(201, {"LayerVersionArn": arn, "Version": 8}),
        ]
    )
    standin.behaviour = lambda _: next(answers)
    assert published(AWS_ENDPOINT_URL=standin.url)["version"] == 8
    listed, looked, made = standin.requests
    assert listed.path.endswith("/layers/governor/versions")
    assert looked.path.endswith("/layers/governor/versions/7"), "the latest one counts"
    assert base64.b64decode(made.body["Content"]["ZipFile"]) == built.content


def test_no_region_is_told() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    assert "AWS_DEFAULT_REGION" in refused(**NO_ACCOUNT, **keys, status=2)


def test_no_credentials_are_told() -> None:
    complaint = refused(status=1, **NO_ACCOUNT, AWS_DEFAULT_REGION="us-east-1")
    assert "no AWS credentials" in complaint
    assert "AWS_PROFILE" in complaint


def test_an_unknown_profile_is_told() -> None:
    complaint = refused(status=2, **ACCOUNT, AWS_PROFILE="production")
    assert "production" in complaint


def test_denied_access_is_told(standin: StandIn) -> None:
    standin.behaviour = lambda _: http(
        403,
        {"Message": "User: dev is not authorized to perform: lambda:ListLayerVersions"},
        x_amzn_ErrorType="AccessDeniedException",
    )
    complaint = refused(status=1, **ACCOUNT, AWS_ENDPOINT_URL=standin.url)
    assert "User: dev is not authorized" in complaint
    assert "grant lambda:ListLayerVersions" in complaint
    assert "lambda:PublishLayerVersion" in complaint


def test_credentials_that_aws_does_not_take_are_told(standin: StandIn) -> None:
    standin.behaviour = lambda _: http(
        403,
        {"message": "The security token included in the request is invalid."},
        x_amzn_ErrorType="UnrecognizedClientException",
    )
    complaint = refused(status=1, **ACCOUNT, AWS_ENDPOINT_URL=standin.url)
    assert "does not take the credentials" in complaint
    assert "lambda:PublishLayerVersion" not in complaint, "it is no permission that is missing"


def test_an_answer_that_is_none_of_aws_is_told(standin: StandIn) -> None:
    standin.behaviour = lambda _: http(200, {"hello": "world"})
    complaint = refused(status=1, **ACCOUNT, AWS_ENDPOINT_URL=standin.url)
    assert "makes no sense" in complaint


def test_an_aws_that_is_not_there_is_told() -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    assert url in refused(status=1, **ACCOUNT, AWS_ENDPOINT_URL=url)


def test_an_endpoint_that_is_none_is_told() -> None:
    complaint = refused(status=2, **ACCOUNT, AWS_ENDPOINT_URL="nonsense")
    assert "AWS_ENDPOINT_URL" in complaint
    assert "nonsense" in complaint


def test_a_name_that_is_none_is_told() -> None:
    assert "LayerName" in refused("--name", "", status=1, **ACCOUNT)
