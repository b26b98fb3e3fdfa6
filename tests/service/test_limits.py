"""Functions, groups and the account: read and changed over HTTP."""

import asyncio
from typing import Any

import pytest

from tests.service.api import Api

ENTRIES = ["/v1/functions/f", "/v1/groups/g", "/v1/account"]
NAMED = ENTRIES[:2]


async def test_a_function_is_shown_with_every_field(api: Api) -> None:
    await api.set_policy("{defaults: {priority: background}, groups: {g: {}}}")
    put = await api.put("/v1/functions/f", {"max_concurrency": 3, "groups": {"g": 2}})
    assert put.status == 201
    shown = {
        "max_concurrency": 3,
        "priority": "background",
        "groups": {"g": 2},
        "mode": "enforce",
        "max_attempts": None,
        "shared": True,
        "share": 1,
        "allow_pause": False,
        "max_batch_size": None,
    }
    assert put.json == shown
    assert (await api.get("/v1/functions/f")).json == shown
    assert (await api.get("/v1/functions")).json == {"functions": {"f": shown}}


async def test_a_group_is_shown_with_every_field(api: Api) -> None:
    members = {"functions": ["etl-*"], "tags": {"pipeline": "etl"}, "stack": "prod-etl"}
    put = await api.put("/v1/groups/g", {"max_concurrency": 9, "headroom": 2, "members": members})
    assert put.status == 201
    shown = {"max_concurrency": 9, "headroom": 2, "mode": "enforce", "members": members}
    assert put.json == shown
    assert (await api.get("/v1/groups/g")).json == shown
    assert (await api.get("/v1/groups")).json == {"groups": {"g": shown}}


async def test_the_account_is_shown_with_every_field(api: Api) -> None:
    bare = {"max_concurrency": None, "headroom": 0, "mode": "enforce", "raise": None}
    assert (await api.get("/v1/account")).json == bare
    put = await api.put("/v1/account", {"max_concurrency": 1000, "headroom": 200})
    assert put.status == 200
    assert put.json == {**bare, "max_concurrency": 1000, "headroom": 200}
    assert (await api.get("/v1/account")).json == put.json


@pytest.mark.parametrize("path", ENTRIES)
async def test_what_was_read_can_be_put_back_and_changes_nothing(api: Api, path: str) -> None:
    await api.set_policy("{account: {max_concurrency: 7}, groups: {g: {}}, functions: {f: {}}}")
    shown = await api.get(path)
    put = await api.put(path, shown.json)
    assert put.status == 200
    assert (put.json, put.etag) == (shown.json, shown.etag)


@pytest.mark.parametrize("path", ENTRIES)
async def test_put_replaces_the_whole_entry(api: Api, path: str) -> None:
    await api.put(path, {"max_concurrency": 5, "mode": "shadow"})
    assert (await api.put(path, {"max_concurrency": 6})).status == 200
    entry = (await api.get(path)).json
    assert (entry["max_concurrency"], entry["mode"]) == (6, "enforce")


@pytest.mark.parametrize("path", ENTRIES)
async def test_patch_changes_the_fields_it_names(api: Api, path: str) -> None:
    await api.put(path, {"max_concurrency": 5, "mode": "shadow"})
    patched = await api.patch(path, {"max_concurrency": 6})
    assert patched.status == 200
    assert (patched.json["max_concurrency"], patched.json["mode"]) == (6, "shadow")
    patched = await api.patch(path, {"max_concurrency": None, "mode": None})
    assert (patched.json["max_concurrency"], patched.json["mode"]) == (None, "enforce")
    assert (await api.get(path)).json == patched.json


async def test_patch_is_a_json_merge_patch_at_every_depth(api: Api) -> None:
    """RFC 7396: objects merge, null removes, a list is replaced."""
    before = {"functions": ["a", "b"], "tags": {"keep": "1", "drop": "2", "change": "3"}}
    await api.put("/v1/groups/g", {"members": before | {"stack": "s"}})
    patch = {"members": {"functions": ["c"], "tags": {"drop": None, "change": "4", "add": "5"}}}
    after = (await api.patch("/v1/groups/g", patch)).json["members"]
    assert after == {
        "functions": ["c"],
        "tags": {"keep": "1", "change": "4", "add": "5"},
        "stack": "s",
    }


@pytest.mark.parametrize("path", NAMED)
async def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    (await api.get(path)).problem(404)
    (await api.patch(path, {})).problem(404)
    (await api.delete(path)).problem(404)


@pytest.mark.parametrize("path", NAMED)
async def test_a_deleted_entry_is_gone(api: Api, path: str) -> None:
    await api.put(path, {"max_concurrency": 0})
    deleted = await api.delete(path)
    assert (deleted.status, deleted.body) == (204, b"")
    (await api.get(path)).problem(404)
    await api.granted("one", "f")


async def test_a_group_that_functions_name_stays(api: Api) -> None:
    await api.set_policy("{groups: {g: {}}, functions: {f: {groups: [g]}, h: {groups: {g: 2}}}}")
    problem = (await api.delete("/v1/groups/g")).problem(409)
    assert "f, h" in problem["detail"]
    await api.delete("/v1/functions/f")
    await api.patch("/v1/functions/h", {"groups": []})
    assert (await api.delete("/v1/groups/g")).status == 204


@pytest.mark.parametrize("path", [*ENTRIES, "/v1/policy"])
async def test_a_change_on_an_old_version_is_refused(api: Api, path: str) -> None:
    await api.set_policy("{account: {max_concurrency: 7}, groups: {g: {}}, functions: {f: {}}}")
    change: dict[str, Any] = {} if path == "/v1/policy" else {"max_concurrency": 1}
    old = (await api.get(path)).etag
    (await api.put(path, change, If_Match='"0123456789abcdef"')).problem(412)
    assert (await api.get(path)).etag == old
    changed = await api.put(path, change, If_Match=f'"x", {old}')
    assert changed.status == 200
    assert changed.etag == (await api.get(path)).etag != old
    (await api.put(path, change, If_Match=old)).problem(412)
    assert (await api.put(path, change, If_Match="*")).status == 200


@pytest.mark.parametrize("path", ENTRIES)
async def test_a_patch_on_an_old_version_is_refused(api: Api, path: str) -> None:
    await api.put(path, {})
    old = (await api.get(path)).etag
    assert (await api.patch(path, {"max_concurrency": 1}, If_Match=old)).status == 200
    (await api.patch(path, {"max_concurrency": 2}, If_Match=old)).problem(412)
    assert (await api.get(path)).json["max_concurrency"] == 1


@pytest.mark.parametrize("path", NAMED)
async def test_a_deletion_on_an_old_version_is_refused(api: Api, path: str) -> None:
    await api.put(path, {})
    old = (await api.get(path)).etag
    await api.put(path, {"max_concurrency": 1})
    (await api.delete(path, If_Match=old)).problem(412)
    assert (await api.delete(path, If_Match=(await api.get(path)).etag)).status == 204


@pytest.mark.parametrize("path", NAMED)
async def test_if_match_refuses_to_add(api: Api, path: str) -> None:
    """RFC 9110, 13.1.1: `*` asks that there be something."""
    (await api.put(path, {}, If_Match="*")).problem(412)
    (await api.get(path)).problem(404)


@pytest.mark.parametrize("path", NAMED)
async def test_if_none_match_refuses_to_replace(api: Api, path: str) -> None:
    """RFC 9110, 13.1.2."""
    assert (await api.put(path, {"max_concurrency": 1}, If_None_Match="*")).status == 201
    (await api.put(path, {"max_concurrency": 2}, If_None_Match="*")).problem(412)
    (await api.put(f"{path}?dry_run=true", {"max_concurrency": 2}, If_None_Match="*")).problem(412)
    tag = (await api.get(path)).etag
    (await api.patch(path, {"max_concurrency": 2}, If_None_Match=f'"x", {tag}')).problem(412)
    (await api.delete(path, If_None_Match=tag)).problem(412)
    assert (await api.get(path)).json["max_concurrency"] == 1
    assert (await api.put(path, {"max_concurrency": 2}, If_None_Match='"other"')).status == 200


async def test_one_of_many_adds_an_entry(api: Api, other: Api) -> None:
    replies = await asyncio.gather(
        *(
            each.put("/v1/groups/new", {"max_concurrency": number}, If_None_Match="*")
            for number, each in enumerate([api, other] * 4)
        )
    )
    assert sorted(reply.status for reply in replies) == [201] + [412] * 7


@pytest.mark.parametrize("path", ENTRIES)
async def test_changes_elsewhere_leave_an_entrys_version(api: Api, path: str) -> None:
    await api.set_policy("{account: {max_concurrency: 7}, groups: {g: {}}, functions: {f: {}}}")
    tag = (await api.get(path)).etag
    await api.put("/v1/functions/unrelated", {"max_concurrency": 1})
    assert (await api.get(path)).etag == tag


async def test_concurrent_changes_to_one_version_admit_one(api: Api, other: Api) -> None:
    for turn in range(10):
        tag = (await api.get("/v1/account")).etag
        replies = await asyncio.gather(
            *(
                each.put("/v1/account", {"max_concurrency": turn * 8 + number}, If_Match=tag)
                for number, each in enumerate([api, other] * 4)
            )
        )
        assert sorted(reply.status for reply in replies) == [200] + [412] * 7


async def test_concurrent_changes_to_different_entries_all_take(api: Api, other: Api) -> None:
    replies = await asyncio.gather(
        *(
            each.put(f"/v1/functions/f{number}", {"max_concurrency": number})
            for number, each in enumerate([api, other] * 10)
        )
    )
    assert {reply.status for reply in replies} == {201}
    functions = (await api.get("/v1/functions")).json["functions"]
    assert {name: each["max_concurrency"] for name, each in functions.items()} == {
        f"f{number}": number for number in range(20)
    }


@pytest.mark.parametrize("path", [*ENTRIES, "/v1/policy", "/v1/functions", "/v1/groups"])
async def test_a_change_is_read_at_once_at_another_replica(api: Api, other: Api, path: str) -> None:
    await api.set_policy("{groups: {g: {}}, functions: {f: {}}}")
    for limit in range(1, 21):
        for entry in ENTRIES:
            await api.patch(entry, {"max_concurrency": limit})
        here, there = await api.get(path), await other.get(path)
        assert (here.json, here.etag) == (there.json, there.etag)
        assert f'"max_concurrency":{limit}'.encode() in there.body


async def test_lowering_evicts_nobody(api: Api) -> None:
    await api.put("/v1/functions/f", {"max_concurrency": 3})
    for id_ in "abc":
        await api.granted(id_, "f")
    await api.patch("/v1/functions/f", {"max_concurrency": 1})
    assert await api.in_use("function:f") == 3
    for id_ in "abc":
        await api.denied("d", "f")
        await api.check_out(id_)
    await api.granted("d", "f")


@pytest.mark.parametrize(
    ("method", "path", "body", "shown"),
    [
        ("PATCH", "/v1/account", {"headroom": 3}, {"max_concurrency": 9, "headroom": 3}),
        ("PUT", "/v1/account", {"max_concurrency": 5}, {"max_concurrency": 5, "headroom": 0}),
        ("PATCH", "/v1/functions/f", {"max_concurrency": None}, {"max_concurrency": None}),
        ("PUT", "/v1/groups/new", {"max_concurrency": 2}, {"max_concurrency": 2}),
    ],
)
async def test_a_dry_run_shows_what_would_stand(
    api: Api, method: str, path: str, body: object, shown: dict[str, object]
) -> None:
    await api.set_policy("account: {max_concurrency: 9}\nfunctions: {f: {max_concurrency: 4}}")
    before = await api.policy()
    reply = await api.call(method, f"{path}?dry_run=true", body)
    assert reply.status == 200
    assert shown.items() <= reply.json.items()
    assert await api.policy() == before


async def test_a_dry_run_complains_as_the_change_would(api: Api) -> None:
    await api.set_policy("account: {max_concurrency: 9}")
    (await api.patch("/v1/account?dry_run=true", {"headroom": 10})).problem(400, "headroom")
    (await api.patch("/v1/functions/none?dry_run=true", {})).problem(404)
    stale = await api.patch("/v1/account?dry_run=true", {"headroom": 1}, If_Match='"other"')
    stale.problem(412)
    (await api.patch("/v1/account?dryrun=true", {"headroom": 1})).problem(400, "dryrun")
