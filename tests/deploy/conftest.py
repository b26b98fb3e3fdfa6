"""Fixtures: the templates, and what of them moto can deploy, deployed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from governor.demo.aws.moto import ENVIRONMENT, Moto
from governor.demo.aws.standin import StandIn
from governor.layer.archive import build, sources
from tests.deploy.templates import load, part, properties

TYPES = ("AWS::IAM", "AWS::Lambda", "AWS::SQS")
"""What moto deploys as AWS does."""

BUCKET = "layers"
ZIP = "governor-layer.zip"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:LayerToken-a1b2c3"
LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:governor"
URL = "http://governor.internal"


@pytest.fixture(scope="session")
def governor() -> dict[str, Any]:
    """The template of the whole governor."""
    return load("governor.yaml")


@pytest.fixture(scope="session")
def sample() -> dict[str, Any]:
    """The template of what is to be governed."""
    return load("sample.yaml")


@pytest.fixture
def account(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """An empty account, which boto3 in this process and its children reaches."""
    moto.reset()
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    with StandIn(moto) as standin:
        # CloudFormation speaks another protocol than those that the stand-in knows.
        variables = {
            "AWS_ENDPOINT_URL": standin.url,
            **{f"AWS_ENDPOINT_URL_{service}": moto.url for service in ("CLOUDFORMATION", "EC2")},
            **{f"AWS_ENDPOINT_URL_{service}": moto.url for service in ("IAM", "S3", "STS")},
        }
        for name, value in {**ENVIRONMENT, **variables}.items():
            monkeypatch.setenv(name, value)
        yield standin


@dataclass(frozen=True, slots=True)
class Stacks:
    """Deploys templates."""

    vpc: str
    subnets: str
    """Joined by commas."""

    def deploy(self, name: str, template: str, **parameters: str) -> dict[str, str]:
        """Deploy the text of a template as the stack `name`. Returns its outputs."""
        client = boto3.client("cloudformation")
        client.create_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        )
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


@pytest.fixture
def stacks(account: StandIn) -> Stacks:
    """A network, and a bucket with the layer as it is built."""
    assert account.url
    s3 = boto3.client("s3")
    where: Any = {"LocationConstraint": ENVIRONMENT["AWS_DEFAULT_REGION"]}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    s3.put_object(Bucket=BUCKET, Key=ZIP, Body=build(sources()).content)
    ec2 = boto3.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
    return Stacks(vpc, ",".join(subnets[:2]))


@pytest.fixture
def installed(stacks: Stacks, governor: dict[str, Any]) -> dict[str, str]:
    """The governor's layer and permissions: the outputs of its stack."""
    secrets = dict.fromkeys(("LayerToken", "ReaderToken", "AdminToken", "StorePassword"), SECRET)
    outputs = stacks.deploy(
        "governor",
        part(governor, TYPES, Logs=LOGS, **secrets),
        Image="governor:1",
        LayerBucket=BUCKET,
        LayerKey=ZIP,
        VpcId=stacks.vpc,
        SubnetIds=stacks.subnets,
    )
    (layer,) = boto3.client("lambda").list_layers()["Layers"]  # moto's Ref gives no ARN
    return outputs | {"LayerArn": layer["LatestMatchingVersion"]["LayerVersionArn"]}


GOVERNED = ("Layers", "Environment", "VpcConfig")
"""What attaching changes in a function's configuration."""


def deployed_sample(
    stacks: Stacks, installed: dict[str, str], sample: dict[str, Any]
) -> dict[str, str]:
    """Deploy `sample` under the governor. Returns its outputs."""
    group = boto3.client("ec2").create_security_group(
        GroupName="functions", Description="Functions", VpcId=stacks.vpc
    )
    return stacks.deploy(
        "sample",
        part(sample, TYPES, Api="a1b2c3"),
        GovernorUrl=URL,
        LayerArn=installed["LayerArn"],
        LayerTokenArn=SECRET,
        FunctionPolicyArn=installed["FunctionPolicyArn"],
        FunctionSecurityGroupId=group["GroupId"],
        SubnetIds=stacks.subnets,
    )


@pytest.fixture
def governed(stacks: Stacks, installed: dict[str, str], sample: dict[str, Any]) -> dict[str, str]:
    """The sample's functions with the governor attached: the outputs of their stack."""
    return deployed_sample(stacks, installed, sample)


@pytest.fixture
def ungoverned(stacks: Stacks, installed: dict[str, str]) -> dict[str, str]:
    """The same without the governor: to be attached by other means."""
    sample = load("sample.yaml")
    for function in ("ApiFunction", "WorkerFunction"):
        for name in GOVERNED:
            del properties(sample, function)[name]
    return deployed_sample(stacks, installed, sample)
