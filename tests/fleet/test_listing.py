"""What is listed of an account, in how many calls, and what is said if it can't be."""

import pytest

from governor.aws.calls import Calls
from governor.aws.errors import CredentialsError, DeniedError, NonsenseError, ThrottledError
from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.lacking import Answer, refusal
from governor.demo.aws.standin import StandIn
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.listing import listed
from governor.fleet.function import Attached, Package


def test_a_function_as_it_is_configured(
    fleet: Fleet, standin: StandIn, clients: Clients, calls: Calls
) -> None:
    arn = fleet.function(
        "api",
        timeout_s=7,
        MemorySize=512,
        Environment={"Variables": {"A": "1", "GOVERNOR_URL": "http://governor:8642"}},
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    )
    standin.state.tags[arn] = {"team": "web", "aws:cloudformation:stack-name": "prod"}
    (found,) = listed(clients, calls).functions
    assert (found.name, found.arn, found.runtime) == ("api", arn, "python3.13")
    assert (found.package, found.handler) == (Package.ZIP, "app.handler")
    assert (found.timeout_s, found.memory_mb) == (7, 512)
    assert found.variables["A"] == "1"
    assert found.network is not None
    assert found.network.subnets == ("subnet-1",)
    assert found.network.security_groups == ("sg-1",)
    assert found.stack == "prod"
    assert found.tags == {"team": "web", "aws:cloudformation:stack-name": "prod"}
    assert found.attached is Attached.CODE
    assert found.state == "", "a list does not say it"


def test_an_image_and_a_function_that_has_little(
    fleet: Fleet, standin: StandIn, clients: Clients, calls: Calls
) -> None:
    image = {
        "FunctionName": "image",
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:image",
        "PackageType": "Image",
        "Timeout": 3,
        "MemorySize": 128,
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""},
        "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no key"}},
    }
    standin.trouble("lambda:ListFunctions", lambda _: Answer(200, {"Functions": [image]}))
    (found,) = listed(clients, calls).functions
    assert (found.package, found.runtime, found.handler) == (Package.IMAGE, "", "")
    assert (found.network, found.variables, found.unreadable) == (None, {}, "no key")
    assert (found.stack, found.tags, found.is_attached) == ("", {}, False)
    assert fleet.functions.list_functions()["Functions"] == []


@pytest.mark.parametrize(
    ("variables", "handler", "attached"),
    [
        ({}, "app.handler", Attached.NO),
        ({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/governor"}, "app.handler", Attached.NO),
        (
            {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/governor", "GOVERNOR_URL": "http://g"},
            "app.handler",
            Attached.WRAPPER,
        ),
        (
            {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel", "GOVERNOR_URL": "http://g"},
            "governor_layer.handler",
            Attached.HANDLER,
        ),
        (
            {"GOVERNOR_URL": "http://g"},
            "/opt/nodejs/node_modules/governor-layer/index.handler",
            Attached.HANDLER,
        ),
        ({"GOVERNOR_URL": "http://g"}, "app.handler", Attached.CODE),
        ({"GOVERNOR_URL": ""}, "governor_layer.handler", Attached.NO),
    ],
)
def test_who_is_attached_and_how(  # noqa: PLR0913, PLR0917 - a table
    fleet: Fleet,
    clients: Clients,
    calls: Calls,
    variables: dict[str, str],
    handler: str,
    attached: Attached,
) -> None:
    fleet.function("f", Handler=handler, Environment={"Variables": variables})
    (found,) = listed(clients, calls).functions
    assert found.attached is attached


def test_what_feeds_functions(fleet: Fleet, clients: Clients, calls: Calls) -> None:
    uuid = fleet.fed(
        "etl",
        BatchSize=5,
        ScalingConfig={"MaximumConcurrency": 7},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    (found,) = listed(clients, calls).mappings
    assert (found.uuid, found.function, found.service) == (uuid, "etl", "sqs")
    assert found.source.endswith(":etl-queue")
    assert found.arn.endswith(f":event-source-mapping:{uuid}")
    assert (found.knobs.batch_size, found.knobs.max_concurrency) == (5, 7)
    assert found.reports_failures


def test_a_mapping_in_provisioned_mode(fleet: Fleet, clients: Clients, calls: Calls) -> None:
    fleet.fed("etl", ProvisionedPollerConfig={"MinimumPollers": 3, "MaximumPollers": 30})
    (found,) = listed(clients, calls).mappings
    assert (found.min_pollers, found.knobs.max_pollers) == (3, 30)


def test_pages(fleet: Fleet, standin: StandIn, clients: Clients, calls: Calls) -> None:
    names = [f"f{number:03}" for number in range(120)]
    for name in reversed(names):
        arn = fleet.function(name)
        standin.state.tags[arn] = {"number": name}
    seen: list[int] = []
    found = listed(clients, calls, seen.append)
    assert [each.name for each in found.functions] == names
    assert [(each.tags or {})["number"] for each in found.functions] == names
    assert seen == [50, 100, 120]
    assert calls.made == {
        ("lambda:ListFunctions", "ok"): 3,
        ("tag:GetResources", "ok"): 2,
        ("lambda:ListEventSourceMappings", "ok"): 1,
    }


def test_nothing_at_all(clients: Clients, calls: Calls) -> None:
    found = listed(clients, calls)
    assert (found.functions, found.mappings, found.missing) == ((), (), ())


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("tag:GetResources", "tags"),
        ("lambda:ListEventSourceMappings", "event-source mappings"),
    ],
)
def test_what_else_can_not_be_listed_is_missing(  # noqa: PLR0913, PLR0917 - a table
    fleet: Fleet, standin: StandIn, clients: Clients, calls: Calls, action: str, what: str
) -> None:
    fleet.fed("etl")
    standin.deny(action)
    found = listed(clients, calls)
    (sentence,) = found.missing
    assert sentence.startswith(f"{what}: ")
    assert f"grant {action}" in sentence
    (function,) = found.functions
    assert (function.tags is None) == (what == "tags")
    assert len(found.mappings) == (what == "tags")


def test_functions_that_can_not_be_listed(standin: StandIn, clients: Clients, calls: Calls) -> None:
    standin.deny("lambda:ListFunctions")
    with pytest.raises(DeniedError, match="grant lambda:ListFunctions"):
        listed(clients, calls)
    standin.heal()
    standin.trouble("*", lambda _: refusal(403, "UnrecognizedClientException", "invalid token"))
    with pytest.raises(CredentialsError):
        listed(clients, calls)
    standin.heal()
    standin.trouble("*", lambda _: Answer(200, {"Functions": [{"FunctionName": "f"}]}))
    with pytest.raises(NonsenseError, match="lambda:ListFunctions"):
        listed(clients, calls)
    standin.heal()
    standin.throttle("lambda:ListFunctions")
    with pytest.raises(ThrottledError):
        listed(clients, calls)
