"""What discover finds in an account, by how many calls, and what it says if it can't."""

import time

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn
from governor.fleet.discovery import Row
from governor.fleet.selection import Selection
from governor.model import Priority
from tests.fleet.account import Discover, permit

LISTED = {"lambda:ListFunctions", "tag:GetResources", "lambda:ListEventSourceMappings"}

PAGED = LISTED | {"cloudwatch:GetMetricData", "lambda:GetAccountSettings"}


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


def test_an_empty_account(found: Discover) -> None:
    seen = found()
    assert (seen.rows, seen.functions, seen.missing) == ((), 0, ())
