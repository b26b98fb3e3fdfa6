"""Tags over HTTP: what they move, and what functions want in them, shown as limits are."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.service.api import Api

POLICY = """
tags: trusted
groups:
  etl: {max_concurrency: 1, members: {tags: {pipeline: etl}}}
  shop: {members: {stack: shop-prod}}
functions: {page: {max_concurrency: 3}}
"""
SHOP = {"aws:cloudformation:stack-name": "shop-prod"}
WISHES = {
    "governor:max-concurrency": "7",
    "governor:priority": "background",
    "governor:groups": "shop:2 nowhere",
}
NOWHERE = {
    "function": "load",
    "tag": "governor:groups",
    "value": "nowhere",
    "fate": "senseless",
    "reason": "the policy has no group 'nowhere'",
}


async def put(api: Api, tags: dict[str, dict[str, str]], query: str = "") -> dict[str, Any]:
    """Have the governor go by `tags`; what comes of it."""
    reply = await api.put(f"/v1/facts/tags{query}", {"tags": tags})
    assert reply.status == 200, reply
    return reply.json


async def test_tags_put_functions_into_groups(api: Api) -> None:
    await api.set_policy(POLICY)
    tags = {"load": {"pipeline": "etl"}, "page": SHOP, "idle": {"team": "a"}}
    answer = await put(api, tags)
    assert (answer["applied"], answer["functions"], answer["wishes"]) == (True, 3, [])
    assert answer["moved"] == [
        {"function": "load", "before": {}, "after": {"etl": 1}},
        {"function": "page", "before": {}, "after": {"shop": 1}},
    ]
    assert (await api.get("/v1/facts")).json["tags"] == tags
    await api.granted("a", "load")
    assert (await api.denied("b", "load"))["denied_by"] == "group:etl"
    assert (await put(api, {"load": {}}))["moved"] == [
        {"function": "load", "before": {"etl": 1}, "after": {}},
        {"function": "page", "before": {"shop": 1}, "after": {}},
    ]
    await api.granted("b", "load")
    assert await api.in_use("group:etl") == 1


async def test_a_dry_run_moves_nobody(api: Api) -> None:
    await api.set_policy(POLICY)
    answer = await put(api, {"page": SHOP}, "?dry_run=true")
    assert answer["applied"] is False
    assert answer["moved"] == [{"function": "page", "before": {}, "after": {"shop": 1}}]
    assert (await api.get("/v1/facts")).json["tags"] == {}


async def test_wishes_are_shown_where_limits_are(api: Api) -> None:
    await api.set_policy(POLICY)
    answer = await put(api, {"load": WISHES, "page": {"governor:max-concurrency": "9"}})
    assert [each["fate"] for each in answer["wishes"]] == [
        *("honoured", "honoured", "honoured", "senseless"),
        "overruled",
    ]
    assert (await api.get("/v1/facts")).json["senseless_wishes"] == [NOWHERE]
    entry = (await api.get("/v1/functions/load")).json
    assert (entry["max_concurrency"], entry["priority"]) == (7, "background")
    assert entry["groups"] == {"shop": 2}
    listed = (await api.get("/v1/functions")).json["functions"]
    assert listed["load"] == entry
    assert listed["page"]["max_concurrency"] == 3
    row = (await api.scopes())["function:load"]
    assert (row["max_concurrency"], row["priority"]) == (7, "background")
    metrics = (await api.get("/metrics")).body.decode()
    assert 'governor_max_concurrency{scope="function:load"} 7.0' in metrics
    assert "load" not in (await api.policy()).get("functions", {})


async def test_a_wish_can_be_overruled_and_is_back_afterwards(api: Api) -> None:
    await api.set_policy(POLICY)
    await put(api, {"load": WISHES})
    shown = await api.get("/v1/functions/load")
    dry = await api.patch("/v1/functions/load?dry_run=true", {"max_concurrency": 2})
    assert (dry.json["max_concurrency"], dry.json["priority"]) == (2, "background")
    reply = await api.patch("/v1/functions/load", {"max_concurrency": 2}, If_Match=shown.etag)
    assert reply.json == dry.json
    assert (await api.policy())["functions"]["load"] == {"max_concurrency": 2}
    (await api.patch("/v1/functions/load", {}, If_Match=shown.etag)).problem(412)
    assert (await api.delete("/v1/functions/load", If_Match=reply.etag)).status == 204
    assert (await api.get("/v1/functions/load")).json == shown.json
    (await api.delete("/v1/functions/load")).problem(404)


async def test_wishes_of_a_policy_that_does_not_trust_tags(api: Api) -> None:
    await api.set_policy(POLICY.replace("tags: trusted", ""))
    answer = await put(api, {"load": WISHES})
    assert {each["fate"] for each in answer["wishes"]} == {"ignored"}
    (await api.get("/v1/functions/load")).problem(404)
    await api.set_policy(POLICY)
    assert (await api.get("/v1/functions/load")).json["max_concurrency"] == 7


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tags"),
        ({"tags": []}, "tags"),
        ({"tags": {"a b": {}}}, "tags"),
        ({"tags": {"load": {"k": 5}}}, "tags[...][...]"),
        ({"tags": {"load": {"": "v"}}}, "tags[...]"),
        ({"tags": {"load": {str(n): "" for n in range(51)}}}, "tags[...]"),
        ({"tags": {}, "complete": True}, "complete"),
    ],
    ids=["nothing", "a list", "no name", "a number", "no key", "too many", "unknown"],
)
async def test_bad_tags(api: Api, body: dict[str, Any], field: str) -> None:
    await put(api, {"page": SHOP})
    (await api.put("/v1/facts/tags", body)).problem(400, field)
    assert (await api.get("/v1/facts")).json["tags"] == {"page": SHOP}


async def test_ten_thousand_functions(api: Api) -> None:
    await api.set_policy(POLICY)
    tags = {
        f"function-{number}": {"pipeline": "etl"}
        | {f"key-{n}": f"{number % (n + 7)}" for n in range(7)}
        for number in range(10_000)
    }
    moved = []
    for _ in range(2):
        body = _chunks(json.dumps({"tags": tags}).encode())
        moved.append((await api.call("PUT", "/v1/facts/tags", raw=body)).json["moved"])
    assert [len(each) for each in moved] == [10_000, 0]
    await api.granted("a", "function-1")
    await api.denied("b", "function-9999")


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 2**18):
        yield body[at : at + 2**18]
