"""The last hour: samples, peaks and denials, the same at every replica and after its end."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.governors import Governor, Start
from tests.service.api import Api, eventually
from tests.stores import Server

POLICY = """
account: {max_concurrency: 9, headroom: 1}
groups: {shade: {max_concurrency: 1, mode: shadow}}
functions:
  api: {}
  load: {priority: background, max_concurrency: 2, groups: [shade]}
  own: {priority: background, shared: false}
"""


async def denials(api: Api, query: str = "") -> dict[str, Any]:
    """What each scope has denied."""
    reply = await api.get(f"/v1/denials{query}")
    assert reply.status == 200, reply
    return {each["scope"]: each for each in reply.json["scopes"]}


async def test_the_status_splits_the_account_by_priority(api: Api) -> None:
    await api.set_policy(POLICY)
    for number, function in enumerate(("api", "unlisted", "load", "own")):
        await api.granted(f"{number}", function)
    status = (await api.get("/v1/status")).json
    assert status["in_use"] == {"user_facing": 2, "background": 1}
    priorities = {each["scope"]: each["priority"] for each in status["scopes"]}
    assert priorities["account"] is None
    assert priorities["function:load"] == "background"
    assert priorities["function:unlisted"] == "user-facing"
    await api.set_policy("defaults: {priority: background}\nfunctions: {api: {}}")
    assert (await api.get("/v1/status")).json["in_use"] == {"user_facing": 0, "background": 3}


async def test_samples_are_taken_in_each_step_and_once(api: Api, other: Api) -> None:
    await api.set_policy(POLICY)
    await api.granted("one", "api")
    await api.granted("two", "load")

    async def sampled() -> bool:
        samples = (await other.get("/v1/history")).json["samples"]
        return bool(samples) and samples[-1]["background"] == 1

    await eventually(sampled, "a sample with what runs")
    history = (await api.get("/v1/history")).json
    last = history["samples"][-1]
    assert last == {
        "at_ms": last["at_ms"],
        "user_facing": 1,
        "background": 1,
        "max_concurrency": 9,
        "headroom": 1,
    }
    buckets = [each["at_ms"] // history["step_ms"] for each in history["samples"]]
    assert len(set(buckets)) == len(buckets)
    assert (history["scope"], history["step_ms"], len(history["peaks"])) == ("account", 10_000, 360)
    assert 0 <= last["at_ms"] - history["since_ms"] < 3_600_000
    assert (await api.get("/v1/history")).json["peaks"] == (await other.get("/v1/history")).json[
        "peaks"
    ]


async def test_the_history_of_any_scope(api: Api) -> None:
    for number in range(3):
        await api.granted(f"{number}", "f")
    history = (await api.get("/v1/history?scope=function:f")).json
    assert max(history["peaks"]) == history["peaks"][-1] == 3
    assert history["samples"] == []
    unknown = (await api.get("/v1/history?scope=group:never")).json
    assert set(unknown["peaks"]) == {0}
    (await api.get("/v1/history?scope=nonsense")).problem(400, "scope")


async def test_who_was_denied_by_which_scope(start: Start, valkey_url: str, pool: str) -> None:
    options = ("--store", valkey_url, "--pool", pool)
    one, two = start(*options), start(*options)
    async with Api(one.url) as api, Api(two.url) as other:
        await api.set_policy(POLICY)
        await api.granted("a", "load")
        await api.granted("b", "load")  # the shadow group would have denied this one
        await asyncio.gather(*(other.denied(f"c{number}", "load") for number in range(5)))

        async def told() -> bool:
            found = await denials(api)
            return set(found) == {"function:load", "group:shade"} == set(await denials(other))

        await eventually(told, "both replicas show both scopes")
        found = await denials(api)
        assert found["function:load"]["denied"] == 5
        assert found["group:shade"]["denied"] == 0
        assert found["group:shade"]["shadow_denied"] == 1
        (load,) = found["function:load"]["functions"]
        assert (load["function"], load["denied"]) == ("load", 5)
        assert set(await denials(other, "?scope=group:shade")) == {"group:shade"}
        await other.denied("d", "load")
    assert await asyncio.to_thread(two.stop) == 0, "and tells what it knows before it ends"
    async with Api(one.url) as api:
        assert (await denials(api))["function:load"]["denied"] == 6


@pytest.mark.parametrize("call", ["/v1/history", "/v1/denials"])
async def test_without_the_store_there_is_no_history(
    start: Start, tmp_path: Path, call: str
) -> None:
    governor = start("--data-dir", f"{tmp_path}")
    async with Api(governor.url) as api:
        governor.store().suspend()
        (await api.get(call)).problem(503)
        governor.store().resume()

        async def back() -> bool:
            return (await api.get(call)).status == 200

        await eventually(back, "the history is there again")


async def test_trouble_with_a_sample_does_not_end_the_record(own_store: Server) -> None:
    with closing(own_store.client()) as redis:
        redis.rpush("{default}:samples", "not a sample")
        with closing(Governor("--store", own_store.url)) as governor:  # its log has a traceback
            async with Api(governor.url) as api:

                async def told() -> bool:
                    return "the last hour is not recorded" in governor.output

                await eventually(told, "the log says so")
                redis.delete("{default}:samples")

                async def sampled() -> bool:
                    return bool((await api.get("/v1/history")).json["samples"])

                await eventually(sampled, "a sample after the trouble")


async def test_the_stream_of_changes_sends_what_changed(
    start: Start, valkey_url: str, pool: str
) -> None:
    async with (
        Api(start("--store", valkey_url, "--pool", pool).url) as api,
        api.events("?changes=true") as events,
    ):
        name, status = await anext(events)
        assert (name, len(status["scopes"])) == ("status", 1)
        await api.granted("one", "f")
        name, changes = await anext(events)
        assert (name, changes["gone"], changes["controller"]) == ("changes", [], None)
        assert {each["scope"]: each["in_use"] for each in changes["scopes"]} == {
            "account": 1,
            "function:f": 1,
        }
        assert changes["in_use"] == {"user_facing": 1, "background": 0}
        assert changes["now_ms"] > status["now_ms"]
        _, changes = await anext(events)
        assert changes["scopes"] == []
        await api.set_policy("groups: {g: {}}")
        _, changes = await anext(events)
        assert [each["scope"] for each in changes["scopes"]] == ["group:g"]
        await api.set_policy("{}")
        await api.check_out("one")
        _, changes = await anext(events)
        assert changes["gone"] == ["group:g"]
        assert {each["in_use"] for each in changes["scopes"]} == {0}
        await api.call("POST", "/v1/controller/pause")
        _, changes = await anext(events)
        assert changes["controller"]["paused"]
