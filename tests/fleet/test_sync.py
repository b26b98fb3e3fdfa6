"""`governor fleet sync`: from tags in AWS, as moto has them, to groups in a real governor."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.standin import StandIn
from tests.governors import Governor, run
from tests.service.api import Api

POLICY = """
tags: trusted
groups:
  etl: {max_concurrency: 1, members: {tags: {pipeline: etl}}}
  shop: {members: {stack: shop-prod}}
"""
STACK = "aws:cloudformation:stack-name"
ADMIN, READER = "the-admins", "the-readers"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def _governor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    folder = tmp_path_factory.mktemp("governor")
    tokens = folder / "tokens"
    lines = (("admin", ADMIN), ("reader", READER))
    tokens.write_text(
        "".join(f"{role} {sha256(token.encode()).hexdigest()}\n" for role, token in lines)
    )
    with Governor("--data-dir", f"{folder / 'data'}", "--tokens", f"{tokens}") as governor:
        yield governor


@pytest.fixture
async def api(_governor: Governor) -> Any:
    """A governor with the policy, which knows of no tags."""
    async with Api(_governor.url, ADMIN) as api:
        await api.set_policy(POLICY)
        await api.put("/v1/facts/tags", {"tags": {}})
        yield api


def sync(api: Api, *options: str, status: int = 0, token: str = ADMIN) -> str:
    """Run the command, which ends with `status`; what it has printed, of errors if it failed."""
    ended = run("fleet", "sync", *options, GOVERNOR_URL=api.url, GOVERNOR_TOKEN=token)
    assert ended.returncode == status, ended
    assert "Traceback" not in ended.stderr
    return ended.stdout or ended.stderr


def arn(name: str) -> str:
    """The ARN of a function."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"


async def groups_of(api: Api, name: str) -> list[str]:
    """The groups that an invocation holds in."""
    granted = await api.granted(f"{name}-id", name)
    await api.check_out(f"{name}-id")
    return [scope.removeprefix("group:") for scope in granted["scopes"] if "group:" in scope]


async def test_a_moved_tag_moves_the_function(api: Api, standin: StandIn, fleet: Fleet) -> None:
    standin.state.tags[fleet.function("page")] = {STACK: "shop-prod"}
    fleet.function("load")
    through = {"Resource": arn("load"), "Tags": {"pipeline": "etl", "aws-like": "x"}}
    standin_functions(standin).tag_resource(**through)
    printed = sync(api, "--dry-run")
    assert "2 of 2 tagged functions would move" in printed
    assert await groups_of(api, "load") == []
    printed = sync(api)
    assert "2 of 2 tagged functions moved; wishes: none" in printed
    assert (await groups_of(api, "load"), await groups_of(api, "page")) == (["etl"], ["shop"])
    assert "0 of 2 tagged functions moved" in sync(api)
    standin_functions(standin).untag_resource(Resource=arn("load"), TagKeys=["pipeline"])
    standin_functions(standin).delete_function(FunctionName="page")
    printed = sync(api)
    assert "2 of 1 tagged functions moved" in printed
    assert await groups_of(api, "load") == await groups_of(api, "page") == []


def standin_functions(standin: StandIn) -> Any:
    """Lambda as it is behind the stand-in, where changes reach the tagging service's index."""
    import boto3  # noqa: PLC0415 - after the environment leads there

    return boto3.client("lambda", endpoint_url=standin.url)


async def test_wishes_are_told(api: Api, standin: StandIn) -> None:
    standin.state.tags = {
        arn("load"): {"governor:max-concurrency": "3", "governor:original": "reserved=none"},
        arn("page"): {"governor:groups": "etl nowhere"},
    }
    printed = sync(api, status=1)
    assert "page: governor:groups = 'nowhere': the policy has no group 'nowhere'" in printed
    assert "wishes: 2 honoured, 1 senseless" in printed
    assert (await api.get("/v1/functions/load")).json["max_concurrency"] == 3
    answer = json.loads(sync(api, "--json", status=1))
    assert (answer["applied"], answer["moved"], len(answer["wishes"])) == (True, [], 3)


async def test_ten_thousand_functions(api: Api, standin: StandIn) -> None:
    standin.state.tags = {
        arn(f"function-{number}"): {"pipeline": "etl"}
        | {f"key-{n}": f"{number % (n + 7)}" for n in range(7)}
        for number in range(10_000)
    }
    assert "10000 of 10000 tagged functions moved" in sync(api)
    assert standin.counted()["tag:GetResources"] == 100


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("deny", "grant tag:GetResources"), ("fail", "tag:GetResources failed in AWS")],
)
async def test_tags_that_cannot_be_read_change_nothing(
    api: Api, standin: StandIn, trouble: str, said: str
) -> None:
    standin.state.tags = {arn("load"): {"pipeline": "etl"}}
    sync(api)
    getattr(standin, trouble)("tag:GetResources")
    assert said in sync(api, status=2)
    assert await groups_of(api, "load") == ["etl"]


async def test_an_account_without_tags_is_taken_for_the_wrong_one(
    api: Api, standin: StandIn
) -> None:
    assert "0 of 0 tagged functions moved" in sync(api)
    standin.state.tags = {arn("load"): {"pipeline": "etl"}}
    sync(api)
    standin.state.tags = {}
    assert f"AWS shows no tagged function in {REGION}, the governor knows of 1" in sync(
        api, status=1
    )
    assert await groups_of(api, "load") == ["etl"]


async def test_who_may_not_change_limits_may_not_sync(api: Api, standin: StandIn) -> None:
    standin.state.tags = {arn("load"): {"pipeline": "etl"}}
    assert "role" in sync(api, status=1, token=READER)
    assert (await api.get("/v1/facts")).json["tags"] == {}
