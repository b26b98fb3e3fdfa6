"""What discover finds in an account, by how many calls, and what it says if it can't."""

import itertools
import time
from collections.abc import Callable
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
from governor.fleet.discovery import Discovery, Row
from governor.fleet.selection import Selection
from governor.model import Priority

LISTED = {"lambda:ListFunctions", "tag:GetResources", "lambda:ListEventSourceMappings"}
PAGED = LISTED | {"cloudwatch:GetMetricData", "lambda:GetAccountSettings"}

Discover = Callable[..., Discovery]


@pytest.fixture
def found(clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Discover:
    """Discovers the account, with a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}")

    def found(selection: Selection = Selection(), *, refresh: bool = False) -> Discovery:  # noqa: B008 - a value
        return discover(clients, PacedCalls(10_000), selection, refresh=refresh)

    return found


def permit(fleet: Fleet, function: str, service: str, **others: str) -> None:
    """Let a service call a function."""
    fleet.functions.add_permission(
        FunctionName=function,
        StatementId=service,
        Action="lambda:InvokeFunction",
        Principal=f"{service}.amazonaws.com",
        **others,  # type: ignore[arg-type]
    )


def names(row: Row) -> list[str]:
    return [each.name for each in row.sources]


def test_who_calls_whom(fleet: Fleet, standin: StandIn, found: Discover) -> None:
    for name in ("api", "direct", "files", "live", "url"):
        fleet.function(name)
    fleet.fed("queue")
    permit(fleet, "api", "apigateway")
    permit(fleet, "files", "s3", SourceArn="arn:aws:s3:::files")
    fleet.functions.create_function_url_config(FunctionName="url", AuthType="AWS_IAM")
    version = fleet.functions.publish_version(FunctionName="live")["Version"]
    fleet.functions.create_alias(FunctionName="live", Name="prod", FunctionVersion=version)
    policy = '{"Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", '
    policy += '"Principal": {"Service": "elasticloadbalancing.amazonaws.com"}}]}'

    def of_alias(request: Request) -> Answer | None:
        return Answer(200, {"Policy": policy}) if request.query.get("Qualifier") else None

    standin.trouble("lambda:GetPolicy", of_alias)
    rows = {row.function.name: row for row in found().rows}
    assert {name: names(row) for name, row in rows.items()} == {
        "api": ["API Gateway"],
        "direct": [],
        "files": ["S3"],
        "live": ["load balancer"],
        "queue": ["SQS"],
        "url": ["function URL"],
    }
    background = {name for name, row in rows.items() if row.priority is Priority.BACKGROUND}
    assert background == {"files", "queue"}


def test_concurrency(fleet: Fleet, standin: StandIn, found: Discover) -> None:
    now_s = time.time()
    fleet.function("api")
    fleet.function("own")
    fleet.fed("etl")
    fleet.functions.put_function_concurrency(FunctionName="own", ReservedConcurrentExecutions=50)
    standin.state.reserved["own"] = 50
    standin.state.provisioned["api"] = 20
    for days, value in ((0, 5), (5, 9), (15, 99)):
        at_s = now_s - days * 86_400 - 60
        fleet.put_metric("ConcurrentExecutions", value, at_s, FunctionName="api")
    fleet.put_metric("ConcurrentExecutions", 40, now_s - 60, FunctionName="own")
    fleet.put_metric("ConcurrentExecutions", 30, now_s - 60, FunctionName="etl")
    fleet.put_metric("ConcurrentExecutions", 70, now_s - 60)
    seen = found()
    assert {
        row.function.name: (row.details.reserved, row.details.provisioned, row.peak)
        for row in seen.rows
    } == {"api": (None, 20, 9), "etl": (None, 0, 30), "own": (50, 0, 40)}
    assert seen.limits is not None
    assert (seen.limits.limit, seen.limits.unreserved) == (1000, 930)
    assert (seen.peaks.users, seen.peaks.in_all) == (9, 70)
    assert seen.missing == ()


def test_what_nobody_has_is_not_asked_for(fleet: Fleet, standin: StandIn, found: Discover) -> None:
    fleet.function("api")
    for metric in ("ClaimedAccountConcurrency", "UnreservedConcurrentExecutions"):
        fleet.put_metric(metric, 3, time.time() - 60)
    found()
    assert standin.counted().keys() == PAGED | {
        "lambda:ListAliases",
        "lambda:GetPolicy",
        "lambda:ListFunctionUrlConfigs",
        "lambda:GetFunction",
    }


def test_provisioned_concurrency_that_came_just_now(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    fleet.function("api")
    standin.state.provisioned["api"] = 20
    for minutes, claimed in ((5, 3), (1, 23)):
        at_s = time.time() - minutes * 60
        fleet.put_metric("ClaimedAccountConcurrency", claimed, at_s)
        fleet.put_metric("UnreservedConcurrentExecutions", 3, at_s)
    (row,) = found().rows
    assert row.details.provisioned == 20


def test_a_function_that_is_switched_off(fleet: Fleet, standin: StandIn, found: Discover) -> None:
    fleet.function("off")
    standin.state.reserved["off"] = 0
    (row,) = found().rows
    assert row.details.reserved == 0


def test_a_controllers_brake_is_no_reservation(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    arn = fleet.function("etl")
    fleet.functions.put_function_concurrency(FunctionName="etl", ReservedConcurrentExecutions=30)
    standin.state.reserved["etl"] = 30
    standin.state.tags[arn] = {"governor:original": "reserved=none"}
    braked = found()
    (row,) = braked.rows
    assert (row.details.reserved, row.details.braked) == (None, 30)
    assert braked.limits is not None
    assert braked.limits.unreserved == 1000, "what it takes is of the shared pool"
    fleet.functions.delete_function_concurrency(FunctionName="etl")
    del standin.state.reserved["etl"]
    again = found()
    assert (again.remembered, again.rows[0].details.braked) == (0, 0)


def test_a_brake_is_seen_though_the_function_was_read_before(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    arn = fleet.function("etl")
    assert found().rows[0].details.braked == 0
    fleet.functions.put_function_concurrency(FunctionName="etl", ReservedConcurrentExecutions=30)
    standin.state.reserved["etl"] = 30
    standin.state.tags[arn] = {"governor:original": "reserved=none"}
    assert found().rows[0].details.braked == 30


def test_calls(fleet: Fleet, standin: StandIn, found: Discover) -> None:
    for number in range(110):
        arn = fleet.function(f"f{number:03}")
        standin.state.tags[arn] = {"number": f"{number}"}
    first = found()
    assert first.calls == standin.counted()
    assert sum(first.calls[each] for each in LISTED) == 3 + 2 + 1
    assert first.calls["lambda:GetPolicy"] == 110
    assert first.remembered == 0
    standin.asked.clear()
    again = found()
    assert standin.counted().keys() == PAGED
    assert again.remembered == 110
    assert again.rows == first.rows
    standin.asked.clear()
    assert found(refresh=True).remembered == 0
    assert standin.counted()["lambda:GetPolicy"] == 110


def test_aliases_that_lead_to_versions_from_before_a_function_was_attached(
    fleet: Fleet, standin: StandIn, found: Discover
) -> None:
    assert standin.url
    client = fleet.functions
    for name in ("live", "free"):
        fleet.function(name)
        before = client.publish_version(FunctionName=name)["Version"]
        client.create_alias(FunctionName=name, Name="prod", FunctionVersion=before)
        client.create_alias(FunctionName=name, Name="dev", FunctionVersion="$LATEST")
    variables = {"GOVERNOR_URL": "http://governor:8642"}
    client.update_function_configuration(FunctionName="live", Environment={"Variables": variables})
    free, live = found().rows
    assert (free.details.old_aliases, live.details.old_aliases) == ((), ("prod",))
    after = client.publish_version(FunctionName="live")["Version"]
    client.update_alias(FunctionName="live", Name="prod", FunctionVersion=after)
    assert found().rows[1].details.old_aliases == (), "it is asked anew until that is so"


def test_a_selection_asks_for_no_others(fleet: Fleet, standin: StandIn, found: Discover) -> None:
    for name in ("api", "etl"):
        fleet.function(name)
    seen = found(Selection(names=("e*",)))
    assert [row.function.name for row in seen.rows] == ["etl"]
    assert seen.functions == 2
    assert standin.counted()["lambda:GetPolicy"] == 1


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


def test_an_empty_account(found: Discover) -> None:
    seen = found()
    assert (seen.rows, seen.functions, seen.missing) == ((), 0, ())
