"""`governor fleet discover` as it is typed, against AWS as moto has it."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer, refusal
from governor.demo.aws.standin import StandIn
from governor.model import Mode
from governor.policy import parse_yaml
from tests.governors import Governor, run

Ended = subprocess.CompletedProcess[str]
DISCOVER = "fleet", "discover"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path / 'cache'}")


@pytest.fixture
def account(fleet: Fleet, standin: StandIn) -> StandIn:
    """An account with an API's function, a queue's, an image and one of a runtime of old."""
    fleet.function("api")
    fleet.functions.add_permission(
        FunctionName="api",
        StatementId="a",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    fleet.fed("etl")
    fleet.function("old", Runtime="python3.8")
    fleet.function("image", PackageType="Image", Code={"ImageUri": "example/image:1"})
    fleet.put_metric("ConcurrentExecutions", 9, time.time() - 60, FunctionName="api")
    fleet.put_metric("ConcurrentExecutions", 40, time.time() - 60, FunctionName="etl")
    return standin


def failed(ended: Ended, status: int) -> str:
    """The one line of a command that failed."""
    assert ended.returncode == status, ended
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    return line


def test_the_table(account: StandIn) -> None:
    ended = run(*DISCOVER)
    assert (ended.returncode, ended.stderr) == (0, ""), "no bar where there is no terminal"
    rows = {line.split()[0]: line for line in ended.stdout.splitlines() if line.strip()}
    assert rows["api"].split()[1:4] == ["python3.13", "API", "Gateway"]
    assert "user-facing" in rows["api"]
    assert "background" in rows["etl"]
    assert "can't be" in rows["old"]
    assert rows["image"].split()[1] == "image"
    assert "can't be attached: image: a container image takes no layers" in ended.stdout
    assert "can't be attached: old: the layer does not run in python3.8" in ended.stdout
    assert "1 × lambda:ListFunctions" in ended.stdout  # noqa: RUF001 - times
    assert list(rows).index("etl") < list(rows).index("api"), "the highest peak first"
    account.asked.clear()
    again = run(*DISCOVER)
    assert "details of 4 functions are as read up to 0.0 h ago; --refresh" in again.stdout
    assert account.counted()["lambda:GetPolicy"] == 0


def test_the_table_in_a_narrow_terminal(account: StandIn, fleet: Fleet) -> None:
    assert account.url
    fleet.function("shop-checkout-service-production-handler")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", run(*DISCOVER, COLUMNS="80", FORCE_COLOR="1").stdout)
    table, _, _ = shown.partition("5 functions in")
    assert max(len(line) for line in table.splitlines()) <= 80
    heading, api = (
        next(each for each in table.splitlines() if name in each) for name in ("suggested", "api")
    )
    assert heading.split() == [
        "function",
        "called",
        "by",
        "reserved",
        "peak",
        "attached",
        "suggested",
    ]
    assert api.split() == ["api", "API", "Gateway", "-", "9", "no", "user-facing"]
    assert "140 columns, or --json" in table


def test_json_of_some(account: StandIn) -> None:
    ended = run(*DISCOVER, "--json", "a*", "old")
    assert (ended.returncode, ended.stderr) == (0, "")
    answer = json.loads(ended.stdout)
    api, old = answer["functions"]
    assert (api["name"], api["peak"], api["priority"]) == ("api", 9, "user-facing")
    assert api["sources"] == [{"kind": "API", "name": "API Gateway"}]
    assert (api["attached"], api["unsupported"], api["reserved"]) == ("no", "", None)
    assert old["unsupported"].startswith("the layer does not run in python3.8")
    assert answer["region"] == "eu-central-1"
    assert answer["calls"]["lambda:ListFunctions"] == account.counted()["lambda:ListFunctions"]


def test_a_first_policy_that_the_governor_takes(account: StandIn, tmp_path: Path) -> None:
    assert account.url
    file = tmp_path / "first.yaml"
    ended = run(*DISCOVER, "--write-policy", f"{file}")
    assert ended.returncode == 0
    assert f"governor apply -f {file} --dry-run" in ended.stderr
    policy = parse_yaml(file.read_bytes())
    assert policy.functions.keys() == {"api", "etl"}
    assert {limits.mode for _, limits in policy.scopes()} == {Mode.SHADOW}
    with Governor("--data-dir", f"{tmp_path / 'data'}") as governor:
        applied = run("apply", "-f", f"{file}", "--dry-run", "--url", governor.url)
    assert (applied.returncode, applied.stderr) == (0, "")
    assert '+ functions.api: {"max_concurrency": 18, "priority": "user-facing"' in applied.stdout


def test_a_file_that_is_there_stays(account: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    assert "exists: name another file, or say --overwrite" in failed(
        run(*DISCOVER, "--write-policy", f"{file}"), 2
    )
    assert file.read_text() == "mine"
    assert account.asked == [], "it is said before the account is read"
    assert run(*DISCOVER, "--write-policy", f"{file}", "--overwrite").returncode == 0
    assert parse_yaml(file.read_bytes()).functions


def test_a_file_that_can_not_be_written(account: StandIn, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "policy.yaml"
    line = failed(run(*DISCOVER, "--write-policy", f"{nowhere}"), 2)
    assert f"{nowhere} can't be written" in line
    assert account.asked == []
    too_long = tmp_path / ("x" * 300)
    line = failed(run(*DISCOVER, "--write-policy", f"{too_long}"), 2)
    assert "File name too long" in line


def test_something_that_can_not_be_read(account: StandIn) -> None:
    account.deny("lambda:GetPolicy")
    ended = run(*DISCOVER)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("governor: could not be read: function api, etl, image and 1 more: ")
    assert "grant lambda:GetPolicy" in line
    assert "etl" in ended.stdout


def test_no_list_of_functions(account: StandIn) -> None:
    account.deny("lambda:ListFunctions")
    line = failed(run(*DISCOVER), 2)
    assert "grant lambda:ListFunctions; the Region is eu-central-1" in line
    account.heal()
    account.trouble("*", lambda _: refusal(403, "UnrecognizedClientException", "bad token"))
    assert "does not take the credentials" in failed(run(*DISCOVER), 2)
    account.heal()
    account.trouble("lambda:ListFunctions", lambda _: Answer(200, "garbage"))
    assert "lambda:ListFunctions: what was answered makes no sense" in failed(run(*DISCOVER), 2)


def test_no_access(account: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "there are no AWS credentials" in failed(run(*DISCOVER), 2)
    assert account.asked == []


def test_no_region(account: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "AWS_DEFAULT_REGION" in failed(run(*DISCOVER), 2)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "no such region")
    line = failed(run(*DISCOVER), 2)
    assert "'no such region'" in line
    assert "AWS_DEFAULT_REGION" in line
    assert account.asked == []


def test_another_region_has_nothing(account: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert account.url
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    ended = run(*DISCOVER)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "there are no functions in us-west-1: is it the Region that you mean?" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody",), "is called nobody"),
        (("--tag", "team"), "'team' is no tag; expected KEY=VALUE"),
        (("--tag", "team=web"), "has the tag team=web"),
        (("--stack", "prod"), "is of the stack prod"),
    ],
)
def test_nothing_selected(account: StandIn, arguments: tuple[str, ...], says: str) -> None:
    assert account.url
    ended = run(*DISCOVER, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr
