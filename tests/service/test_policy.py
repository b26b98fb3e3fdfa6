"""The policy as a document over HTTP and from a file, and what outlives restarts."""

import shutil
import signal
from pathlib import Path

import pytest
import yaml

from tests.governors import Start
from tests.policies import EXAMPLE
from tests.service.api import Api, eventually, served_again
from tests.stores import Server, wait_until


async def test_json_and_yaml_are_the_same_document(api: Api) -> None:
    await api.set_policy(EXAMPLE)
    as_json = await api.get("/v1/policy")
    as_yaml = await api.get("/v1/policy", Accept="application/yaml")
    assert as_json.headers["Content-Type"].startswith("application/json")
    assert as_yaml.headers["Content-Type"].startswith("application/yaml")
    assert yaml.safe_load(as_yaml.body) == as_json.json
    assert as_json.etag == as_yaml.etag
    for reply, kind in [(as_json, "json"), (as_yaml, "yaml")]:
        await api.set_policy("{}")
        put = await api.call(
            "PUT", "/v1/policy", raw=reply.body, headers={"Content-Type": f"application/{kind}"}
        )
        assert put.json["applied"]
        assert put.etag == as_json.etag
        assert (await api.get("/v1/policy")).json == as_json.json


@pytest.mark.parametrize(
    "body", [b'{"account": {"max_concurrency": 1}}', b"account:\n  max_concurrency: 1\n"]
)
async def test_a_body_without_a_content_type_is_understood(api: Api, body: bytes) -> None:
    put = await api.call(
        "PUT", "/v1/policy", raw=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert put.status == 200
    assert (await api.get("/v1/account")).json["max_concurrency"] == 1


async def test_an_answer_tells_what_changed(api: Api) -> None:
    await api.set_policy("{functions: {gone: {max_concurrency: 5}, kept: {max_concurrency: 6}}}")
    new = {"functions": {"kept": {"max_concurrency": 7}, "new": {}}}
    put = (await api.put("/v1/policy", new)).json
    assert put == {
        "applied": True,
        "changes": [
            {"path": "functions.gone", "before": {"max_concurrency": 5}, "after": None},
            {"path": "functions.kept.max_concurrency", "before": 6, "after": 7},
            {"path": "functions.new", "before": None, "after": {}},
        ],
    }


async def test_a_dry_run_tells_the_same_and_changes_nothing(api: Api) -> None:
    await api.set_policy("{account: {max_concurrency: 5}}")
    before = await api.get("/v1/policy")
    new = {"account": {"max_concurrency": 6}, "functions": {"f": {"max_concurrency": 0}}}
    dry = await api.put("/v1/policy?dry_run=true", new)
    assert not dry.json["applied"]
    assert dry.etag == before.etag
    after = await api.get("/v1/policy")
    assert (after.body, after.etag) == (before.body, before.etag)
    await api.granted("one", "f")
    (await api.put("/v1/policy?dry_run=true", new, If_Match='"old"')).problem(412)
    wet = await api.put("/v1/policy?dry_run=false", new)
    assert wet.json == dry.json | {"applied": True}


async def test_limits_survive_restarts_and_kills(start: Start, tmp_path: Path) -> None:
    """Of the service, of the embedded store, and of everything at once."""
    options = ("--data-dir", f"{tmp_path}")
    governor = start(*options)
    async with Api(governor.url) as api:
        await api.set_policy(EXAMPLE)
        await api.put("/v1/functions/late", {"max_concurrency": 1})
        expected = await api.get("/v1/policy")
        await api.granted("one", "late")
        governor.store().send_signal(signal.SIGKILL)

        async def is_back() -> bool:
            return (await api.get("/v1/policy")).body == expected.body

        await eventually(is_back, "the policy is back after the store was killed")
        await api.denied("two", "late")

    assert governor.stop() == 0
    governor = start(*options)
    async with Api(governor.url) as api:
        assert (await api.get("/v1/policy")).body == expected.body
        await api.denied("two", "late")
        await api.patch("/v1/functions/late", {"max_concurrency": 2})

    governor.kill()
    governor = start(*options)
    async with Api(governor.url) as api:
        await api.granted("two", "late")
        await api.denied("three", "late")


async def test_a_policy_file_is_loaded_once(start: Start, tmp_path: Path) -> None:
    """What was set over HTTP outlives a restart with the same file, not one with a new file."""
    file = tmp_path / "policy.yaml"
    options = ("--data-dir", f"{tmp_path / 'data'}", "--policy", f"{file}")

    async def started_with(limit: int, then: int) -> None:
        governor = start(*options)
        async with Api(governor.url) as api:
            assert (await api.get("/v1/account")).json["max_concurrency"] == limit
            await api.patch("/v1/account", {"max_concurrency": then})
        assert governor.stop() == 0

    file.write_text("account: {max_concurrency: 10}")
    await started_with(10, then=20)
    await started_with(20, then=30)
    file.write_text("account: {max_concurrency: 11}")
    await started_with(11, then=40)
    await started_with(40, then=50)


@pytest.mark.parametrize("edited", ["account: {max_concurrency: 1}", "account: nonsense", None])
async def test_a_worker_that_is_started_anew_loads_no_policy_file(
    start: Start, own_store: Server, tmp_path: Path, edited: str | None
) -> None:
    """It may be edited, broken or gone by then, or be another governor's turn to set the limits."""
    file, newer = tmp_path / "policy.yaml", tmp_path / "newer.yaml"
    file.write_text("account: {max_concurrency: 10}")
    newer.write_text("account: {max_concurrency: 20}")
    governor = start("--store", own_store.url, "--policy", f"{file}")
    async with Api(start("--store", own_store.url, "--policy", f"{newer}").url) as api:
        if edited is None:
            file.unlink()
        else:
            file.write_text(edited)
        (victim,) = governor.workers()
        victim.kill()
        async with Api(governor.url) as again:
            await served_again(again)
            assert victim not in governor.workers()
            assert (await again.get("/v1/account")).json["max_concurrency"] == 20
        assert (await api.get("/v1/account")).json["max_concurrency"] == 20


async def test_a_policy_file_may_be_json(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"account": {"max_concurrency": 10}}')
    governor = start("--data-dir", f"{tmp_path / 'data'}", "--policy", f"{file}")
    async with Api(governor.url) as api:
        assert (await api.get("/v1/account")).json["max_concurrency"] == 10


async def test_a_store_that_lost_everything_gets_the_policy_back(
    start: Start, tmp_path: Path
) -> None:
    governor = start("--data-dir", f"{tmp_path}")
    async with Api(governor.url) as api:
        await api.set_policy(EXAMPLE)
        expected = await api.get("/v1/policy")
        store = governor.store()
        store.suspend()
        shutil.rmtree(tmp_path / "appendonlydir")
        store.send_signal(signal.SIGKILL)
        wait_until(lambda: not store.is_running(), "the store has ended")

        async def is_back() -> bool:
            return (await api.get("/v1/policy")).body == expected.body

        await eventually(is_back, "the policy is back")
        await api.granted("one", "etl-load")
