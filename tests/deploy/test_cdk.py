"""The CDK construct: it synthesises the CloudFormation template, and a function under it."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from governor.layer.archive import build, sources
from tests.conftest import missing
from tests.deploy.templates import ROOT, Template, allowed

FOLDER = ROOT / "deploy" / "cdk"
CONTEXT = {
    "image": "registry.internal/governor:1",
    "vpc": "vpc-12345678",
    "subnets": "subnet-12345678,subnet-87654321",
    "zones": "eu-central-1a,eu-central-1b",
}
ROLES = ("TaskRole", "ExecutionRole", "FunctionPolicy", "OperatorPolicy")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `cdk synth` makes of the example."""
    if find_spec("aws_cdk") is None:
        missing("aws-cdk-lib")
    if shutil.which("node") is None:
        missing("node")
    folder = tmp_path_factory.mktemp("cdk")
    folder.joinpath("governor-layer.zip").write_bytes(build(sources()).content)
    variables = {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(CONTEXT)}
    subprocess.run(
        [sys.executable, str(FOLDER / "app.py")],
        cwd=folder,
        env=os.environ | variables,
        check=True,
        capture_output=True,
    )
    template: dict[str, Any] = json.loads(Path(folder, "governor.template.json").read_text())
    return template


def test_it_is_all_of_the_template(synthesised: Template, governor: Template) -> None:
    assert governor["Resources"].keys() <= synthesised["Resources"].keys()
    assert governor["Outputs"].keys() <= synthesised["Outputs"].keys()
    for name, resource in governor["Resources"].items():
        assert resource["Type"] == synthesised["Resources"][name]["Type"]
        assert resource["Properties"].keys() == synthesised["Resources"][name]["Properties"].keys()


@pytest.mark.parametrize("role", ROLES)
def test_it_allows_the_same(synthesised: Template, governor: Template, role: str) -> None:
    assert allowed(synthesised, role) == allowed(governor, role)


def test_what_it_is_given_is_what_the_template_asks_for(
    synthesised: Template, governor: Template
) -> None:
    left = synthesised["Parameters"].keys() & governor["Parameters"].keys()
    assert not [name for name in left if "Default" not in governor["Parameters"][name]]


def test_a_function_is_governed(synthesised: Template) -> None:
    resources = synthesised["Resources"]
    (function,) = (
        each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::Function"
    )
    assert function["Layers"] == [{"Ref": "Layer"}]
    variables = function["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/governor"
    assert variables["GOVERNOR_TOKEN_SECRET"] == {"Ref": "LayerToken"}
    assert variables["GOVERNOR_URL"] == synthesised["Outputs"]["Url"]["Value"]
    role = resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]
    assert {"Ref": "FunctionPolicy"} in role["ManagedPolicyArns"]
    (group,) = function["VpcConfig"]["SecurityGroupIds"]
    (way,) = (
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::EC2::SecurityGroupIngress" and "Condition" not in each
    )
    assert way["SourceSecurityGroupId"] == group
    assert way["GroupId"] == {"Ref": "LoadBalancerSecurityGroup"}
    assert way["FromPort"] == way["ToPort"] == 80
