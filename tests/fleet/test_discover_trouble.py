"""What discover says where AWS refuses, throttles or fails, and what it shows all the same."""

import itertools
from pathlib import Path

import pytest

from governor.aws.errors import DeniedError
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer, refusal
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.details import IN_A_ROW
from governor.fleet.aws.discover import discover
from governor.fleet.aws.pace import PacedCalls
from governor.model import Priority
from tests.fleet.account import Discover, permit


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("tag:GetResources", "tags: "),
        ("lambda:ListEventSourceMappings", "event-source mappings: "),
        ("lambda:GetAccountSettings", "the account's limits: "),
        ("lambda:GetPolicy", "function etl: "),
        ("lambda:ListAliases", "function etl: "),
        ("lambda:ListFunctionUrlConfigs", "function etl: "),
        ("lambda:GetFunction", "function etl: "),
        ("lambda:ListProvisionedConcurrencyConfigs", "function etl: "),
        ("lambda:ListFunctionEventInvokeConfigs", "function etl: "),
        ("cloudwatch:GetMetricData", "peak concurrency of 1 functions: "),
    ],
)
def test_a_missing_permission_is_named_and_the_rest_is_shown(
    fleet: Fleet, standin: StandIn, found: Discover, action: str, says: str
) -> None:
    fleet.fed("etl")
    permit(fleet, "etl", "s3", SourceArn="arn:aws:s3:::files")
    standin.deny(action)
    seen = found()
    (sentence,) = seen.missing
    assert sentence.startswith(says)
    assert f"grant {action}" in sentence
    (row,) = seen.rows
    assert (row.peak is None) == action.startswith("cloudwatch")
    assert (seen.limits is None) == (action == "lambda:GetAccountSettings")
    assert row.details.unread == ((action,) if says.startswith("function") else ())
    standin.heal()
    assert found().missing == (), "what could not be read is not remembered"


def test_nothing_without_the_list(standin: StandIn, found: Discover) -> None:
    standin.deny("lambda:ListFunctions")
    with pytest.raises(DeniedError, match="grant lambda:ListFunctions"):
        found()


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, "AccessDeniedException", "no"),
        Answer(200, ["garbage"]),
        Answer(200, {"Policy": "garbage"}),
    ],
    ids=["denied", "a list", "no policy"],
)
def test_what_fails_again_and_again_is_left(
    fleet: Fleet, standin: StandIn, found: Discover, answer: Answer
) -> None:
    count = 40
    for number in range(count):
        fleet.function(f"f{number:03}")
    standin.trouble("lambda:GetPolicy", lambda _: answer)
    seen = found()
    (sentence,) = seen.missing
    assert "function f000, f001, f002 and 37 more: lambda:GetPolicy" in sentence
    most = (IN_A_ROW + 8) * 2  # as many threads were under way, each tries twice
    assert IN_A_ROW <= standin.counted()["lambda:GetPolicy"] <= most
    assert standin.counted()["lambda:ListAliases"] == count
    assert all(row.priority is Priority.USER_FACING for row in seen.rows)


def test_what_is_still_throttled_is_told_and_left(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    for name in ("api", "etl", "web"):
        fleet.function(name)
    standin.throttle("lambda:GetPolicy")
    seen = found()
    (sentence,) = seen.missing
    assert "function api, etl, web: lambda:GetPolicy was throttled by AWS" in sentence
    assert all(row.details.unread == ("lambda:GetPolicy",) for row in seen.rows)


def test_what_fails_now_and_then_is_not_left(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    for number in range(30):
        fleet.function(f"f{number:02}")
    turns = itertools.count()

    def every_third(_: Request) -> Answer | None:
        return refusal(403, "AccessDeniedException", "no") if next(turns) % 3 == 0 else None

    standin.trouble("lambda:GetPolicy", every_third)
    seen = found()
    assert standin.counted()["lambda:GetPolicy"] == 30
    assert sum(bool(row.details.unread) for row in seen.rows) == 10 > IN_A_ROW


def test_one_function_that_fails_is_told_and_the_others_go_on(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    for number in range(20):
        fleet.function(f"f{number:02}")
        permit(fleet, f"f{number:02}", "s3", SourceArn="arn:aws:s3:::files")

    def of_one(request: Request) -> Answer | None:
        return refusal(403, "AccessDeniedException", "no") if request.subject == "f07" else None

    standin.trouble("lambda:GetPolicy", of_one)
    seen = found()
    (sentence,) = seen.missing
    assert sentence.startswith("function f07: lambda:GetPolicy")
    unread = [row.function.name for row in seen.rows if row.details.unread]
    assert unread == ["f07"]


def test_what_was_read_until_someone_lost_patience_is_kept(
    fleet: Fleet, standin: StandIn, clients: Clients, found: Discover
) -> None:
    for number in range(40):
        fleet.function(f"f{number:02}")

    def watch(what: str, done: int, total: int | None) -> None:
        assert (what, total) in {("listing", None), ("reading", 40)}
        if done == 10 and what == "reading":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        discover(clients, PacedCalls(10_000), watch=watch)
    assert standin.counted()["lambda:GetPolicy"] < 40, "no more calls are made"
    seen = found()
    assert seen.remembered == 10
    assert len(seen.rows) == 40


def test_a_cache_that_can_not_be_written_is_told(
    fleet: Fleet, tmp_path: Path, found: Discover
) -> None:
    fleet.function("api")
    (tmp_path / "governor").write_text("in the way")
    seen = found()
    (sentence,) = seen.missing
    assert "can't be written" in sentence
    assert len(seen.rows) == 1
