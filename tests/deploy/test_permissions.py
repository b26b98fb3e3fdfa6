"""Every action that the templates allow is one that the product calls, and the other way round."""

import re
from typing import Any

import pytest

from governor.controller.aws.limits import QUOTA, SERVICE
from governor.controller.aws.tags import KEY
from tests.deploy.templates import ROOT, Template, allowed, named, properties, statements

EVERYTHING = {
    "cloudwatch:GetMetricData",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ecr:GetAuthorizationToken",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctions",
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
    "tag:GetResources",
}
"""Actions that know no resources (Service Authorization Reference)."""


def called(folder: str) -> set[str]:
    """What the sources in `folder` call of boto3's clients, in IAM's spelling."""
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / folder).rglob("*.py"))
    methods = re.findall(r'clients?\.(?:\w+\.)?(?:get_paginator\(\W*")?([a-z]+_\w+)', text)
    return {method.title().replace("_", "") for method in methods} - {"GetPaginator"}


def test_the_task_may_do_what_the_controller_calls(governor: Template) -> None:
    assert allowed(governor, "TaskRole") == named("governor/controller")


def test_a_function_may_do_what_the_layer_calls(governor: Template) -> None:
    assert allowed(governor, "FunctionPolicy") == {"secretsmanager:GetSecretValue"}
    assert called("lambda_layer") == {"GetSecretValue"}


def test_the_operator_may_do_what_the_command_line_calls(governor: Template) -> None:
    series = {"cloudwatch:GetMetricData"}  # which is read as the controller reads it
    assert allowed(governor, "OperatorPolicy") == series | named(
        "governor/layer", "governor/fleet", "governor/aws"
    )


@pytest.mark.parametrize("folder", ["governor/controller", "governor/layer"])
def test_a_call_is_named_where_it_is_made(folder: str) -> None:
    """Else what the tests above go by would miss it."""
    assert called(folder) == {action.partition(":")[2] for action in named(folder)}


@pytest.mark.parametrize("role", ["TaskRole", "ExecutionRole", "FunctionPolicy", "OperatorPolicy"])
def test_only_actions_without_resources_are_allowed_on_all(governor: Template, role: str) -> None:
    for statement in statements(governor, role):
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= EVERYTHING
        assert not any("*" in action for action in statement["Action"])


def test_whoever_attaches_may_keep_the_layers_of_others(governor: Template) -> None:
    """UpdateFunctionConfiguration names all layers of a function, and asks for each."""
    (statement,) = (
        each
        for each in statements(governor, "OperatorPolicy")
        if "lambda:GetLayerVersion" in each["Action"]
    )
    (resource,) = statement["Resource"]
    assert resource["Fn::Sub"].endswith(":*:layer:*:*")


def test_only_the_controllers_own_tag_may_be_changed(governor: Template) -> None:
    (statement,) = (
        each for each in statements(governor, "TaskRole") if "lambda:TagResource" in each["Action"]
    )
    assert statement["Condition"] == {"ForAllValues:StringEquals": {"aws:TagKeys": [KEY]}}


def test_only_one_quota_may_be_raised(governor: Template) -> None:
    (statement,) = (
        each
        for each in statements(governor, "TaskRole")
        if "servicequotas:RequestServiceQuotaIncrease" in each["Action"]
    )
    (resource,) = statement["Resource"]
    assert resource["Fn::Sub"].endswith(f":{SERVICE}/{QUOTA}")


def test_an_action_has_the_reason_for_it(governor: Template) -> None:
    """As a comment beside it, which is no part of the data."""
    text = (ROOT / "deploy/cloudformation/governor.yaml").read_text(encoding="utf-8")
    unexplained = {
        action
        for action in allowed(governor, "TaskRole")
        if not re.search(rf"{action} +# \w+", text)
    }
    assert not unexplained


def test_the_threat_model_knows_what_the_controller_may_not(governor: Template) -> None:
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| the controller's AWS role \|.*$", text, re.MULTILINE)
    lacking = tuple(re.findall(r"no `([\w:]+)`", row))
    assert len(lacking) == 3
    actions = allowed(governor, "TaskRole")
    assert not [action for action in actions if action.startswith(lacking)]
    assert ("lambda:GetFunction" in actions) == ("code and variables" in row)


def test_who_starts_tasks_reads_only_what_they_get(governor: Template) -> None:
    (statement,) = (
        each
        for each in statements(governor, "ExecutionRole")
        if "secretsmanager:GetSecretValue" in each["Action"]
    )
    given = {each["Ref"] for each in statement["Resource"]}
    containers: list[dict[str, Any]] = properties(governor, "Task")["ContainerDefinitions"]
    used = {
        re.sub(r"\W*(\w+)\W.*", r"\1", str(next(iter(secret["ValueFrom"].values()))) + ":")
        for container in containers
        for secret in container["Secrets"]
    }
    assert given == used
