"""`governor fleet doctor` as it is typed, against AWS as moto has it and real governors."""

import json
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.moto import Moto
from governor.demo.aws.standin import StandIn
from governor.demo.ports import free_ports
from governor.ledger.embedded import valkey_binary
from tests.governors import Governor, Start, run, starting
from tests.stores import NO_PERSISTENCE, Server

Ended = subprocess.CompletedProcess[str]
DOCTOR = "fleet", "doctor"
GOOD = "account: {max_concurrency: 900, headroom: 100}"
FORBIDDEN = (
    b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>"
    b"</Errors><RequestID>1</RequestID></Response>"
)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path / 'cache'}")


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts governors that end with the test."""
    with starting() as start:
        yield start


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A policy with which nothing is wrong."""
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD)
    return file


def attach(fleet: Fleet, name: str, url: str, **settings: Any) -> None:
    """Make a function that asks the governor at `url`."""
    layers = fleet.functions.list_layer_versions(LayerName="governor")["LayerVersions"]
    if layers:
        layer = layers[0]["LayerVersionArn"]
    else:
        archive = b"PK\x05\x06" + bytes(18)
        layer = fleet.functions.publish_layer_version(
            LayerName="governor", Content={"ZipFile": archive}
        )["LayerVersionArn"]
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/governor", "GOVERNOR_URL": url}
    variables |= settings.pop("variables", {})
    fleet.function(name, Layers=[layer], Environment={"Variables": variables}, **settings)


def told(*arguments: str, status: int) -> dict[str, Any]:
    """What the command says as JSON."""
    ended = run(*DOCTOR, "--json", *arguments)
    assert ended.returncode == status, ended
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def found(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(each["severity"], each["check"], each["subject"]) for each in answer["findings"]}


def failed(ended: Ended) -> str:
    """The one line of a command that was used wrongly."""
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    return ended.stderr.splitlines()[-1]


@pytest.fixture
def sick(fleet: Fleet, standin: StandIn) -> StandIn:
    """An account with a queue's function, a busy one that nobody governs, and two reservations."""
    fleet.fed("etl")
    fleet.function("busy")
    for name, count in (("still", 0), ("own", 100)):
        fleet.function(name)
        fleet.functions.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=count
        )
        standin.state.reserved[name] = count
    fleet.put_metric("ConcurrentExecutions", 40, time.time() - 60, FunctionName="busy")
    url = fleet.url(f"arn:aws:sqs:{fleet.region}:1:etl-queue")
    fleet.queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "20"})
    return standin


def test_what_is_wrong_is_explained_worst_first(sick: StandIn, good: Path) -> None:
    assert sick.url
    ended = run(*DOCTOR, "--policy", f"{good}")
    assert (ended.returncode, ended.stderr) == (1, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "1 error:"
    assert lines[1] == "  queue:etl-queue  [visibility-timeout]"
    assert "twice" in lines[2]
    assert lines[3] == (
        "      fix: set the queue's VisibilityTimeout to 180 or more (6 × timeout 30 s)"  # noqa: RUF001 - times
    )
    assert lines.index("2 warnings:") < lines.index("2 hints:")
    assert lines.index("2 hints:") < lines.index("  function:still  [reserved-nothing]")
    assert "  queue:etl-queue  [dead-letter-queue]" in lines
    assert "  function:own  [shared-reservation]" in lines
    assert "      fix: `governor fleet attach busy`" in lines
    assert lines[-1] == "1 error, 2 warnings, 2 hints; 4 functions in eu-central-1"


def test_json_of_some(sick: StandIn, good: Path) -> None:
    assert sick.url
    answer = told("--policy", f"{good}", "busy", status=1)
    assert found(answer) == {("warning", "unattached", "function:busy")}
    assert answer["counts"] == {"error": 0, "warning": 1, "hint": 0}
    assert (answer["functions"], answer["missing"]) == (1, [])


def test_hints_are_no_failure(fleet: Fleet, standin: StandIn) -> None:
    assert standin.url
    fleet.function("api")
    answer = told(status=0)
    assert found(answer) == {("hint", "no-policy", "policy")}


def test_the_wrong_region_is_no_success(
    sick: StandIn, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sick.url
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    answer = told("--policy", f"{good}", status=1)
    assert found(answer) == {("warning", "no-functions", "account")}
    assert "us-west-1" in answer["findings"][0]["what"]


def test_a_fix_is_seen(sick: StandIn, good: Path) -> None:
    nothing = {("hint", "reserved-nothing", "function:still")}
    assert found(told("--policy", f"{good}", "still", status=0)) == nothing
    del sick.state.reserved["still"]
    remembered = run(*DOCTOR, "--policy", f"{good}", "still")
    assert "details of 1 as read up to 0.0 h ago; --refresh" in remembered.stdout
    assert "reserved-nothing" in remembered.stdout
    assert found(told("--policy", f"{good}", "--refresh", "still", status=0)) == set()


def test_a_governor_with_which_all_is_well(
    fleet: Fleet, standin: StandIn, start: Start, valkey_url: str, good: Path
) -> None:
    assert standin.url
    governor = start("--store", valkey_url, "--pool", "well", "--policy", f"{good}")
    fleet.function("api")
    assert found(told("--url", governor.url, status=0)) == set()


def test_a_policy_of_a_running_governor(
    fleet: Fleet, standin: StandIn, start: Start, valkey_url: str, tmp_path: Path
) -> None:
    assert standin.url
    file = tmp_path / "other.yaml"
    file.write_text("account: {max_concurrency: 2000}")
    governor = start("--store", valkey_url, "--pool", "over", "--policy", f"{file}")
    attach(fleet, "api", governor.url)
    assert found(told("--url", governor.url, status=1)) == {
        ("error", "account-limit", "account"),
        ("error", "governor-url", "function:api"),
    }


@pytest.fixture
def guarded(start: Start, valkey_url: str, tmp_path: Path, good: Path) -> Governor:
    """A governor that wants tokens; each is its role's name."""
    tokens = tmp_path / "tokens"
    tokens.write_text(
        "".join(
            f"{role} {sha256(role.encode()).hexdigest()}\n" for role in ("layer", "reader", "admin")
        )
    )
    store = "--store", valkey_url, "--pool", "guarded"
    return start(*store, "--tokens", f"{tokens}", "--policy", f"{good}")


def test_tokens(fleet: Fleet, standin: StandIn, guarded: Governor) -> None:
    assert standin.url
    for name in ("layer", "reader", "admin", "unknown"):
        attach(fleet, name, guarded.url, variables={"GOVERNOR_TOKEN": name})
    attach(fleet, "none", guarded.url)
    attach(fleet, "secret", guarded.url, variables={"GOVERNOR_TOKEN_SECRET": "arn"})
    seen = found(told("--url", guarded.url, "--token", "reader", status=1))
    assert {each for each in seen if each[1] in {"token-role", "no-token", "token-refused"}} == {
        ("error", "token-role", "function:unknown"),
        ("warning", "token-role", "function:reader"),
        ("warning", "token-role", "function:admin"),
        ("error", "no-token", "function:none"),
    }
    for token in ((), ("--token", "layer"), ("--token", "wrong")):
        seen = found(told("--url", guarded.url, *token, status=1))
        assert ("error", "token-refused", "governor") in seen
        assert ("error", "no-token", "function:none") in seen
        assert ("hint", "no-policy", "policy") in seen


def test_a_store_that_evicts_and_one_that_is_gone(
    fleet: Fleet, standin: StandIn, start: Start, good: Path
) -> None:
    assert standin.url
    fleet.function("api")
    with Server(valkey_binary(), *NO_PERSISTENCE, "--maxmemory-policy", "allkeys-lru") as server:
        governor: Governor = start("--store", server.url, "--policy", f"{good}")
        assert found(told("--url", governor.url, status=1)) == {("error", "eviction", "store")}
    answer = told("--url", governor.url, "--policy", f"{good}", status=1)
    assert found(answer) == {("error", "store-down", "store")}


def test_no_governor(fleet: Fleet, standin: StandIn, good: Path) -> None:
    fleet.function("api")
    (port,) = free_ports(1)
    for url in (f"http://127.0.0.1:{port}", standin.url):  # nobody, and somebody else
        answer = told("--url", url, "--policy", f"{good}", status=1)
        assert found(answer) == {("error", "silent-governor", "governor")}


@pytest.fixture
def fenced(fleet: Fleet, standin: StandIn, moto: Moto) -> Iterator[Any]:
    """An account with a function in a VPC; yields EC2 and the function's security group."""
    network = boto3.client("ec2", endpoint_url=moto.url)
    vpc = network.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    standin.state.vpc = vpc
    subnet = network.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = network.create_security_group(GroupName="f", Description="f", VpcId=vpc)["GroupId"]
    attach(
        fleet,
        "inside",
        "http://10.0.0.5:8642",
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]},
    )
    yield network, group
    network.close()


def test_security_groups(fenced: Any, good: Path) -> None:
    network, group = fenced
    assert found(told("--policy", f"{good}", status=0)) == set()
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    network.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    answer = told("--policy", f"{good}", status=1)
    assert found(answer) == {("error", "unreachable", "function:inside")}
    assert group in answer["findings"][0]["what"]
    range_ = {"CidrIp": "10.0.0.0/24"}
    tcp = [{"IpProtocol": "tcp", "FromPort": 8642, "ToPort": 8642, "IpRanges": [range_]}]
    network.authorize_security_group_egress(GroupId=group, IpPermissions=tcp)
    assert found(told("--policy", f"{good}", status=0)) == set()


def test_the_governors_own_security_group(fenced: Any, good: Path) -> None:
    network, group = fenced
    (own,) = network.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    (subnet,) = network.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [own["VpcId"]]}])[
        "Subnets"
    ]
    made = network.create_security_group(GroupName="g", Description="g", VpcId=own["VpcId"])
    network.create_network_interface(
        SubnetId=subnet["SubnetId"], PrivateIpAddress="10.0.0.5", Groups=[made["GroupId"]]
    )
    answer = told("--policy", f"{good}", status=1)
    assert found(answer) == {("error", "unreachable", "function:inside")}
    assert f"no security group ({made['GroupId']}) of 10.0.0.5" in answer["findings"][0]["what"]
    pair = [{"GroupId": group}]
    tcp = [{"IpProtocol": "tcp", "FromPort": 8642, "ToPort": 8642, "UserIdGroupPairs": pair}]
    network.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=tcp)
    assert found(told("--policy", f"{good}", status=0)) == set()


def test_what_could_not_be_read_is_told(sick: StandIn, good: Path) -> None:
    sick.deny("sqs:GetQueueAttributes")
    ended = run(*DOCTOR, "--policy", f"{good}", "etl")
    assert ended.returncode == 1
    assert "could not be read: queue etl-queue: sqs:GetQueueAttributes" in ended.stderr
    assert "grant sqs:GetQueueAttributes" in ended.stderr
    assert "visibility-timeout" not in ended.stdout
    assert "0 errors, 0 warnings" in ended.stdout


def test_a_queue_that_was_deleted_is_found(sick: StandIn, fleet: Fleet, good: Path) -> None:
    assert sick.url
    url = fleet.url(f"arn:aws:sqs:{fleet.region}:1:etl-queue")
    fleet.queues.delete_queue(QueueUrl=url)
    answer = told("--policy", f"{good}", "etl", status=1)
    assert found(answer) == {("error", "deleted-queue", "queue:etl-queue")}
    assert answer["missing"] == []


def test_who_reads_a_dead_letter_queue_needs_none_more(
    standin: StandIn, fleet: Fleet, good: Path
) -> None:
    assert standin.url
    for name in ("etl", "mourner"):
        fleet.function(name)
    queue = fleet.queue("q", receive_count=5)
    for name, source in (("etl", queue), ("mourner", f"{queue}-dead")):
        fleet.mapping(name, source)
    assert found(told("--policy", f"{good}", status=0)) == set()


def test_security_groups_that_may_not_be_read(fenced: Any, standin: StandIn, good: Path) -> None:
    assert fenced
    standin.trouble("ec2:*", lambda _: Answer(403, FORBIDDEN))
    answer = told("--policy", f"{good}", status=1)
    assert found(answer) == set()
    interfaces, groups = answer["missing"]
    assert interfaces.startswith("network interfaces: ec2:DescribeNetworkInterfaces is not perm")
    assert groups.startswith("security groups: ec2:DescribeSecurityGroups is not permitted")


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ("account: {max_concurrency: -1}", "account.max_concurrency"),
        ("- 1", "the policy is no mapping"),
        ("functions: {f: {groups: [g]}}", "there is no group"),
    ],
    ids=["range", "list", "group"],
)
def test_a_policy_that_is_none(standin: StandIn, tmp_path: Path, policy: str, says: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(policy)
    assert says in failed(run(*DOCTOR, "--policy", f"{file}"))
    assert not standin.asked, "refused before AWS is asked"


def test_wrong_use(standin: StandIn, tmp_path: Path) -> None:
    assert "nothing.yaml" in failed(run(*DOCTOR, "--policy", f"{tmp_path / 'nothing.yaml'}"))
    assert "no function in eu-central-1 is called typo" in failed(run(*DOCTOR, "typo"))
    assert "expected http://host:port" in failed(run(*DOCTOR, "--url", "governor:8642"))
    standin.deny("lambda:ListFunctions")
    assert "grant lambda:ListFunctions; the Region is" in failed(run(*DOCTOR))
    assert "there is no AWS region" in failed(run(*DOCTOR, AWS_DEFAULT_REGION=""))
