"""`governor fleet attach` and `detach`, as they are used."""

import json
import subprocess

import pytest
from governor_layer.settings import BadSettingError, Settings

from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.standin import StandIn
from governor.fleet.memory import VARIABLES_TAG
from governor.layer.variables import complaint
from tests.fleet.account import several, snapshot
from tests.governors import run

URL = "http://governor.internal:8642"


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return run("fleet", *arguments)


def test_the_commands(fleet: Fleet, standin: StandIn, layer: str) -> None:
    names = several(fleet, 3)
    before = snapshot(fleet, names)
    options = ("*", "--url", URL, "--watch", "0", "--canary", "100%")
    dry = command("attach", *options, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"+ layers: {layer}" in dry.stdout
    assert f"+ variables.GOVERNOR_URL: {URL}" in dry.stdout
    assert "value 0" not in dry.stdout, "values that stay are nobody's business"
    assert snapshot(fleet, names) == before
    done = command("attach", *options, "--set", "GOVERNOR_FAIL=closed", "--json")
    assert done.returncode == 0, done.stderr
    assert {each["result"] for each in json.loads(done.stdout)["functions"]} == {"changed"}
    (tags,) = {VARIABLES_TAG in fleet.tags(arn(name)) for name in names}
    assert tags
    undone = command("detach", "f-*")
    assert undone.returncode == 0, undone.stderr
    assert "3 changed" in undone.stdout
    assert snapshot(fleet, names) == before
    assert standin.counted()["ssm:DeleteParameter"] == 2


def arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("attach", "--url", URL), "'*' for all"),
        (("attach", "*"), "--url"),
        (("attach", "*", "--url", "governor:8642"), "expected http://"),
        (("attach", "*", "--url", "http://127.0.0.2:8642"), "can't reach"),
        (("attach", "*", "--url", "http://[::1]:8642"), "can't reach"),
        (("attach", "*", "--url", URL, "--canary", "0%"), "no part of all"),
        (("attach", "*", "--url", URL, "--set", "PATH=x"), "no variable of the layer"),
        (("attach", "*", "--url", URL, "--set", "GOVERNOR_FIAL=open"), "not one that can be set"),
        (("attach", "*", "--url", URL, "--set", "GOVERNOR_HANDLER=x.y"), "not one that can be set"),
        (("attach", "*", "--url", URL, "--set", "GOVERNOR_FAIL=closd"), "expected open or closed"),
        (("attach", "*", "--url", URL, "--token-secret", "name"), "expected the ARN of a secret"),
        (("attach", "*", "--url", "http://[::1"), "expected http://"),
        (
            ("attach", "*", "--url", URL, "--layer", "arn:aws:lambda:us-east-1:1:layer:governor:1"),
            "is of us-east-1",
        ),
        (("detach", "*", "--tag", "team"), "expected KEY=VALUE"),
        (("attach", "*", "--url", URL, "--layer", "none"), "governor layer publish --name none"),
        (
            ("detach", "nobody"),
            "no function in account 123456789012, eu-central-1 is called nobody",
        ),
        (("detach",), "'*' for all"),
    ],
)
def test_wrong_use_is_told(
    fleet: Fleet, standin: StandIn, arguments: tuple[str, ...], complaint: str
) -> None:
    fleet.function("f")
    ended = command(*arguments)
    assert ended.returncode == 2
    assert complaint in " ".join(ended.stderr.split())
    assert "lambda:UpdateFunctionConfiguration" not in standin.asked


def test_a_missing_permission_is_named_and_nothing_is_changed(
    fleet: Fleet, standin: StandIn, layer: str
) -> None:
    fleet.function("f")
    standin.deny("ssm:*")
    ended = command("attach", "f", "--url", URL, "--layer", layer)
    assert ended.returncode == 2
    assert "grant ssm:PutParameter" in ended.stderr
    assert "lambda:TagResource" not in standin.asked


def test_who_calls_by_an_alias_is_told_that_only_latest_is_changed(
    fleet: Fleet, standin: StandIn, layer: str
) -> None:
    assert standin is not None
    fleet.function("plain")
    fleet.function("live")
    version = fleet.functions.publish_version(FunctionName="live")["Version"]
    for alias, of in (("prod", version), ("dev", "$LATEST")):
        fleet.functions.create_alias(FunctionName="live", Name=alias, FunctionVersion=of)
    options = ("*", "--url", URL, "--layer", layer, "--watch", "0")
    dry = command("attach", *options, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"prod → {version}" in dry.stdout
    assert "publish versions and move the aliases" in dry.stdout
    assert "dev" not in dry.stdout
    done = json.loads(command("attach", *options, "--json").stdout)
    assert {each["function"]: each["aliases"] for each in done["functions"]} == {
        "plain": {},
        "live": {"prod": version},
    }
    assert "prod" in command("detach", "*").stdout


def test_aliases_that_can_not_be_read_are_missing(
    fleet: Fleet, standin: StandIn, layer: str
) -> None:
    names = several(fleet, 3)
    standin.deny("lambda:ListAliases")
    done = command("attach", "*", "--url", URL, "--layer", layer, "--watch", "0")
    assert done.returncode == 0
    assert f"{len(names)} changed (account {ACCOUNT_ID}, {REGION})" in done.stdout
    assert "could not be read: aliases: lambda:ListAliases" in done.stderr


def test_a_dry_run_goes_by_what_is_there_not_by_an_index_that_is_behind(
    fleet: Fleet, standin: StandIn, layer: str
) -> None:
    fleet.function("f")
    assert command("attach", "f", "--url", URL, "--layer", layer, "--watch", "0").returncode == 0
    standin.trouble("tag:GetResources", lambda _: Answer(200, {"ResourceTagMappingList": []}))
    dry = command("detach", "f", "--dry-run")
    assert dry.returncode == 0, dry.stdout
    assert f"- layers: {layer}" in dry.stdout
    other = command("attach", "f", "--url", URL, "--set", "GOVERNOR_EMF=1", "--dry-run")
    assert other.returncode == 0, other.stdout
    assert "+ variables.GOVERNOR_EMF: 1" in other.stdout


@pytest.mark.parametrize(
    ("name", "value", "works"),
    [
        ("GOVERNOR_URL", "http://governor:8642", True),
        ("GOVERNOR_URL", "https://governor.example/prod", True),
        ("GOVERNOR_URL", "http://[fd00::1]:8642", True),
        ("GOVERNOR_URL", "http://governor:86420", False),
        ("GOVERNOR_URL", "http://governor:0", False),
        ("GOVERNOR_URL", "http://governor:", False),
        ("GOVERNOR_URL", "http://me:secret@governor", False),
        ("GOVERNOR_URL", "http://governor?x=1", False),
        ("GOVERNOR_URL", "http://[fd00::1", False),
        ("GOVERNOR_URL", "http://", False),
        ("GOVERNOR_TOKEN", "a b", False),
        ("GOVERNOR_TOKEN", "abc", True),
        ("GOVERNOR_TIMEOUT_MS", "0", False),
        ("GOVERNOR_TIMEOUT_MS", "900000", True),
        ("GOVERNOR_TIMEOUT_MS", "900001", False),
        ("GOVERNOR_WAIT_MS", "0", True),
        ("GOVERNOR_WAIT_MS", "1s", False),
        ("GOVERNOR_FAIL", "closed", True),
        ("GOVERNOR_FAIL", "close", False),
        ("GOVERNOR_ON_DENIED", "respond", True),
        ("GOVERNOR_ON_DENIED", "", False),
    ],
)
def test_variables_are_taken_as_the_layer_takes_them(name: str, value: str, *, works: bool) -> None:
    assert (complaint(name, value) == "") == works
    others = {"GOVERNOR_URL": URL, "AWS_LAMBDA_FUNCTION_NAME": "f"}
    try:
        Settings({**others, name: value})
    except BadSettingError:
        assert not works
    else:
        assert works
