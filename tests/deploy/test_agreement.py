"""What a template says twice: what the service and the layer do must agree with it."""

import inspect
import re
from typing import Any

import pytest
from aiohttp.web_protocol import RequestHandler
from governor_layer.connection import MAX_IDLE_S

from governor.cli import governor as command
from governor.layer.contents import ARCHITECTURES, RUNTIMES
from governor.ledger.embedded import _OPTIONS
from governor.model import MAX_WAIT_MS
from governor.service.routes import ROUTES
from governor.settings import FINISH_WITHIN_S, check_pool
from governor.tokens import Role
from tests.deploy.templates import FOLDER, Template, load, properties


def attributes(template: Template, resource: str) -> dict[str, float]:
    """The numbers among the attributes of a load balancer or a target group."""
    given = properties(template, resource)
    pairs = given.get("LoadBalancerAttributes", []) + given.get("TargetGroupAttributes", [])
    return {each["Key"]: float(each["Value"]) for each in pairs if each["Value"].isdigit()}


def container(template: Template, name: str = "governor") -> dict[str, Any]:
    """One of the task's containers."""
    containers: list[dict[str, Any]] = properties(template, "Task")["ContainerDefinitions"]
    return next(each for each in containers if each["Name"] == name)


def test_a_check_in_may_wait_for_as_long_as_the_service_lets_it(governor: Template) -> None:
    idle_s = attributes(governor, "LoadBalancer")["idle_timeout.timeout_seconds"]
    assert idle_s > MAX_WAIT_MS / 1000


def test_nobody_writes_into_a_connection_that_the_other_side_has_closed(
    governor: Template,
) -> None:
    idle_s = attributes(governor, "LoadBalancer")["idle_timeout.timeout_seconds"]
    service = inspect.signature(RequestHandler.__init__).parameters["keepalive_timeout"].default
    assert idle_s > MAX_IDLE_S, "the layer is the first to close"
    assert service > idle_s, "the service is the last"


def test_the_service_has_the_time_to_stop(governor: Template) -> None:
    assert container(governor)["StopTimeout"] >= 2 * FINISH_WITHIN_S


def test_the_metrics_end_when_they_are_told_to(governor: Template) -> None:
    """The kernel keeps signals without a handler from process 1, which Python must not be, then."""
    assert container(governor, "metrics")["LinuxParameters"]["InitProcessEnabled"]


def test_the_service_does_not_wait_for_its_log(governor: Template) -> None:
    assert container(governor)["LogConfiguration"]["Options"]["mode"] == "non-blocking"


def test_the_health_check_needs_no_token_and_no_store(governor: Template) -> None:
    path = properties(governor, "TargetGroup")["HealthCheckPath"]
    (route,) = (each for each in ROUTES if each.path == path)
    assert route.role is Role.ANYONE
    assert 503 not in route.answers
    assert path == "/healthz"


def test_the_ports_agree(governor: Template) -> None:
    environment = {each["Name"]: each["Value"] for each in container(governor)["Environment"]}
    (mapping,) = container(governor)["PortMappings"]
    port = mapping["ContainerPort"]
    assert environment["GOVERNOR_LISTEN"] == f"0.0.0.0:{port}"
    assert properties(governor, "TargetGroup")["Port"] == port
    for group in ("TaskSecurityGroup", "LoadBalancerToTasks", "ScraperToTasks"):
        rules = properties(governor, group)
        (rule,) = rules.get("SecurityGroupIngress", [rules])
        assert rule["FromPort"] == rule["ToPort"] == port


def test_a_setting_is_one_of_the_service(governor: Template) -> None:
    context = command.commands["serve"].make_context("serve", [])
    known = {option.envvar for option in context.command.params if hasattr(option, "envvar")}
    given = {each["Name"] for each in container(governor)["Environment"]}
    assert {name for name in given if name.startswith("GOVERNOR_")} <= known


def test_the_layer_is_for_the_runtimes_that_it_is_published_for(governor: Template) -> None:
    layer = properties(governor, "Layer")
    assert layer["CompatibleRuntimes"] == list(RUNTIMES)
    assert layer["CompatibleArchitectures"] == list(ARCHITECTURES)


def test_the_store_evicts_nothing_as_the_embedded_one(governor: Template) -> None:
    parameters = properties(governor, "StoreParameters")["Properties"]
    assert parameters["maxmemory-policy"] == _OPTIONS["maxmemory-policy"]


def test_a_task_of_each_size_has_its_memory(governor: Template) -> None:
    """Fargate has 2 MiB for each unit of all of these (ECS developer guide, "Task size")."""
    sizes = {str(cpu): {"MiB": 2 * cpu} for cpu in governor["Parameters"]["Cpu"]["AllowedValues"]}
    assert governor["Mappings"]["MemoryOf"] == sizes


def test_tasks_reach_the_store_and_its_replicas(governor: Template) -> None:
    """The reader endpoint of a serverless cache is port 6380 (ElastiCache, "Read replicas")."""
    (inward,) = properties(governor, "StoreSecurityGroup")["SecurityGroupIngress"]
    for rule in (inward, properties(governor, "TasksToStore")):
        assert rule["FromPort"] == 6379
        assert rule["ToPort"] == {"Fn::If": ["Serverless", 6380, 6379]}


def test_the_default_name_is_a_pool(governor: Template) -> None:
    check_pool(governor["Parameters"]["Name"]["Default"])


def test_an_alarm_is_in_the_readme(governor: Template) -> None:
    text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    table = text.partition("| Alarm | Means | Then |")[2].partition("\n\n")[0]
    alarms = {
        name
        for name, resource in governor["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == alarms


@pytest.mark.parametrize("name", ["governor.yaml", "sample.yaml"])
def test_a_template_fits_a_request(name: str) -> None:
    """CloudFormation quotas: a larger one would have to come from a bucket."""
    assert (FOLDER / name).stat().st_size <= 51_200


@pytest.mark.parametrize("name", ["governor.yaml", "sample.yaml"])
def test_a_suppressed_finding_has_its_reason(name: str) -> None:
    for resource in load(name)["Resources"].values():
        for skipped in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skipped["comment"].split()) >= 3, skipped
