"""The templates' functions, queues and permissions, as an account has them."""

import base64
import time

import boto3
import pytest

from governor.controller.aws.account import AwsAccount
from governor.demo.aws.standin import StandIn
from governor.layer.archive import build, sources
from governor.model import ACCOUNT, ScopeCount
from governor.policy import parse_yaml
from tests.deploy.conftest import SECRET, URL
from tests.deploy.templates import Template, properties

pytestmark = pytest.mark.timeout(120)


def test_the_layer_is_the_one_that_is_built(installed: dict[str, str]) -> None:
    *_, name, number = installed["LayerArn"].split(":")
    version = boto3.client("lambda").get_layer_version(LayerName=name, VersionNumber=int(number))
    assert base64.b64decode(version["Content"]["CodeSha256"]).hex() == build(sources()).sha256


def test_the_sample_is_governed(governed: dict[str, str]) -> None:
    functions = boto3.client("lambda")
    for name in (governed["ApiFunctionName"], governed["WorkerFunctionName"]):
        configuration = functions.get_function_configuration(FunctionName=name)
        variables = configuration["Environment"]["Variables"]
        assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/governor"
        assert variables["GOVERNOR_URL"] == URL
        assert variables["GOVERNOR_TOKEN_SECRET"] == SECRET


def test_the_sample_has_the_layer_and_its_policy(sample: Template) -> None:
    """Read in the template: moto's CloudFormation leaves both out."""
    for name in ("Api", "Worker"):
        assert properties(sample, f"{name}Function")["Layers"] == [{"Ref": "LayerArn"}]
        policies = properties(sample, f"{name}Role")["ManagedPolicyArns"]
        assert {"Ref": "FunctionPolicyArn"} in policies


def test_the_sample_without_the_governor_is_plain(ungoverned: dict[str, str]) -> None:
    configuration = boto3.client("lambda").get_function_configuration(
        FunctionName=ungoverned["ApiFunctionName"]
    )
    assert "Environment" not in configuration


def test_a_message_that_is_held_back_is_not_lost(governed: dict[str, str]) -> None:
    functions, queues = boto3.client("lambda"), boto3.client("sqs")
    worker = functions.get_function_configuration(FunctionName=governed["WorkerFunctionName"])
    attributes = queues.get_queue_attributes(
        QueueUrl=governed["QueueUrl"], AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
    )["Attributes"]
    assert int(attributes["VisibilityTimeout"]) >= 6 * worker["Timeout"]
    assert '"maxReceiveCount": 5' in attributes["RedrivePolicy"]
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_controller_sees_the_sample(account: StandIn, governed: dict[str, str]) -> None:
    assert account.url
    observing = AwsAccount(lambda_per_s=200, read_timeout_s=2.0)
    try:
        observed = observing.observe({ACCOUNT: ScopeCount()}, time.time())
    finally:
        observing.close()
    assert observed.missing == ()
    assert observed.mappings is not None
    (mapping,) = observed.mappings
    assert mapping.function == governed["WorkerFunctionName"]


def test_the_samples_policy_is_one(governed: dict[str, str]) -> None:
    policy = parse_yaml(governed["Policy"].encode())
    assert set(policy.functions) == {governed["ApiFunctionName"], governed["WorkerFunctionName"]}
