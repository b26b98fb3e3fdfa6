"""The pool at a glance: status, stream, dashboard; also with very many functions."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.governors import Start, run
from tests.service.api import Api

COUNTS = {
    "priority": None,
    "in_use": 0,
    "max_concurrency": None,
    "headroom": 0,
    "mode": "enforce",
    "peak": 0,
    "granted": 0,
    "denied": 0,
    "shadow_denied": 0,
    "overruns": 0,
    "expired": 0,
}


@pytest.fixture
async def fresh(start: Start, valkey_url: str, pool: str) -> AsyncIterator[Api]:
    """A governor whose ledger has counted nothing yet."""
    async with Api(start("--store", valkey_url, "--pool", pool).url) as api:
        yield api


async def test_status_shows_every_scope_of_the_policy_then_the_others(fresh: Api) -> None:
    api = fresh
    await api.set_policy(
        """
        account: {max_concurrency: 9, headroom: 1}
        groups: {g: {max_concurrency: 2, mode: shadow}, idle: {}}
        functions: {f: {groups: {g: 2}, max_concurrency: 1, max_attempts: 2}}
        """
    )
    await api.granted("one", "f")
    await api.denied("two", "f")
    await api.granted("three", "f", attempt=2)
    await api.check_out("one")
    await api.granted("four", "unlisted")
    status = (await api.get("/v1/status")).json
    assert status["scopes"][1:] == [
        COUNTS
        | {
            "scope": "group:g",
            "max_concurrency": 2,
            "mode": "shadow",
            "in_use": 2,
            "peak": 4,
            "granted": 2,
            "overruns": 1,
        },
        COUNTS | {"scope": "group:idle"},
        COUNTS
        | {
            "scope": "function:f",
            "priority": "user-facing",
            "max_concurrency": 1,
            "in_use": 1,
            "peak": 2,
            "granted": 2,
            "denied": 1,
            "overruns": 1,
        },
        COUNTS
        | {
            "scope": "function:unlisted",
            "priority": "user-facing",
            "in_use": 1,
            "peak": 1,
            "granted": 1,
        },
    ]
    account = status["scopes"][0]
    assert (account["scope"], account["in_use"], account["headroom"]) == ("account", 2, 1)
    assert status["store"]["server"] == "valkey"
    assert status["store"]["used_memory_bytes"] > 0
    assert status["store"]["maxmemory_policy"] == "noeviction"
    assert status["controller"] == {
        "enabled": True,
        "paused": False,
        "leader": None,
        "report": None,
    }


async def test_both_replicas_show_the_same(api: Api, other: Api) -> None:
    await api.granted("one", "f")
    assert (await other.scopes()) == (await api.scopes())


async def test_the_stream_follows(fresh: Api) -> None:
    async with fresh.events() as events:
        name, status = await anext(events)
        assert name == "status"
        assert set(status) == {"now_ms", "in_use", "scopes", "store", "controller"}
        await fresh.granted("one", "f")
        _, status = await anext(events)
        assert {scope["scope"]: scope["in_use"] for scope in status["scopes"]} == {
            "account": 1,
            "function:f": 1,
        }


async def test_the_stream_tells_of_a_lost_store_and_goes_on(start: Start, tmp_path: Path) -> None:
    governor = start("--data-dir", f"{tmp_path}")
    async with Api(governor.url) as api, api.events() as events:
        assert (await anext(events))[0] == "status"
        store = governor.store()
        store.suspend()
        while (event := await anext(events))[0] == "status":
            pass
        assert "can't be reached" in event[1]["detail"]
        store.send_signal(signal.SIGCONT)
        while (await anext(events))[0] != "status":
            pass


@pytest.mark.parametrize("ended_by", ["the service", "the client"])
async def test_a_stream_keeps_nobody_from_stopping(
    start: Start, tmp_path: Path, ended_by: str
) -> None:
    governor = start("--data-dir", f"{tmp_path}")
    async with Api(governor.url) as api, api.events() as events:
        await anext(events)
        if ended_by == "the service":
            governor.terminate()
            async for _ in events:
                pass
            assert await asyncio.to_thread(governor.wait) == 0
    if ended_by == "the client":
        assert await asyncio.to_thread(governor.stop) == 0


async def test_ten_thousand_functions(api: Api, other: Api) -> None:
    functions = {
        f"function-{number:05}": {"max_concurrency": number, "groups": [f"group-{number % 100}"]}
        for number in range(10_000)
    }
    groups = {f"group-{number}": {"max_concurrency": 1000} for number in range(100)}
    put = await api.put("/v1/policy", {"groups": groups, "functions": functions})
    assert put.status == 200
    assert len(put.json["changes"]) == 10_100
    await api.denied("zero", "function-00000")
    await other.granted("one", "function-00001")
    await api.denied("two", "function-00001")
    scopes = await api.scopes()
    expected = {"account", *(f"group:{name}" for name in groups)}
    expected |= {f"function:{name}" for name in functions}
    assert expected <= set(scopes)
    assert [scopes[f"function:{name}"]["max_concurrency"] for name in functions] == [*range(10_000)]
    assert {name for name, scope in scopes.items() if scope["in_use"]} == {
        "account",
        "group:group-1",
        "function:function-00001",
    }
    assert len((await other.get("/v1/functions")).json["functions"]) == 10_000
    shown = run("status", "--json", "--url", other.url)
    assert len(json.loads(shown.stdout)["scopes"]) == len(scopes)
    patched = await other.patch("/v1/functions/function-09999", {"max_concurrency": 0})
    assert patched.status == 200
    await api.denied("three", "function-09999")
