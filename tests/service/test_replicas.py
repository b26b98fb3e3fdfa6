"""Several services on one store: limits hold over all of them."""

import asyncio
from typing import Any

import aiohttp

from tests.governors import Governor

CLIENTS = 200
HOLD_S = 0.02
POLICY: dict[str, Any] = {
    "account": {"max_concurrency": 30},
    "groups": {
        "db": {"max_concurrency": 12, "headroom": 2},
        "etl": {"max_concurrency": 9},
    },
    "functions": {
        "api": {"groups": ["db"]},
        "load": {"priority": "background", "groups": {"db": 2, "etl": 1}},
        "report": {"max_concurrency": 4, "groups": ["etl"]},
        "free": {},
    },
}
FUNCTIONS = ("api", "load", "report", "free")
LIMITS = {"account": 30, "group:db": 12, "group:etl": 9, "function:report": 4}

Replicas = tuple[Governor, Governor]


async def acquire(session: aiohttp.ClientSession, url: str, id_: str, function: str) -> bool:
    body = {"id": id_, "function": function, "ttl_ms": 60_000}
    async with session.post(f"{url}/v1/leases", json=body) as reply:
        assert reply.status in {201, 429}, await reply.text()
        return reply.status == 201


async def watch(session: aiohttp.ClientSession, url: str, peaks: dict[str, int]) -> None:
    """Note the highest in_use of each scope, again and again."""
    while True:
        async with session.get(f"{url}/v1/status") as reply:
            for scope in (await reply.json())["scopes"]:
                name = scope["scope"]
                peaks[name] = max(peaks.get(name, 0), scope["in_use"])
        await asyncio.sleep(0)


def client_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=30)
    )


async def test_limits_hold_for_200_clients_at_two_services(replicas: Replicas) -> None:
    replicas[0].put("/v1/policy", POLICY)
    urls = [replica.url for replica in replicas]
    granted = 0

    async def client(number: int) -> None:
        nonlocal granted
        for turn in range(5):
            id_ = f"c{number}:{turn}"
            url = urls[(number + turn) % 2]
            if await acquire(session, url, id_, FUNCTIONS[number % len(FUNCTIONS)]):
                granted += 1
                await asyncio.sleep(HOLD_S)
                async with session.delete(f"{urls[number % 2]}/v1/leases/{id_}") as reply:
                    assert reply.status == 204

    peaks: dict[str, int] = {}
    async with client_session() as session:
        watchers = [asyncio.create_task(watch(session, url, peaks)) for url in urls]
        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
        for watcher in watchers:
            watcher.cancel()
    scopes = replicas[1].scopes()
    for scope, limit in LIMITS.items():
        assert max(peaks[scope], scopes[scope]["peak"]) <= limit
        assert scopes[scope]["in_use"] == 0
    assert scopes["account"]["granted"] == granted
    assert scopes["account"]["peak"] > 4, "nothing ran at once"


async def test_as_many_are_granted_as_the_limit_while_all_hold(replicas: Replicas) -> None:
    replicas[0].put("/v1/policy", POLICY)
    async with client_session() as session:
        outcomes = await asyncio.gather(
            *(
                acquire(session, replicas[number % 2].url, f"c{number}", "free")
                for number in range(CLIENTS)
            )
        )
    assert sum(outcomes) == LIMITS["account"]
    assert replicas[0].in_use("account") == LIMITS["account"]


def test_a_change_at_one_governs_the_next_acquire_at_the_other(replicas: Replicas) -> None:
    one, other = replicas
    for turn in range(200):
        one.put("/v1/functions/f", {"max_concurrency": turn % 2})
        assert other.acquire(f"{turn}").status == (201 if turn % 2 else 429)
        other.release(f"{turn}")
        one, other = other, one


def test_a_change_at_one_is_read_at_the_other(replicas: Replicas) -> None:
    one, other = replicas
    for limit in range(20):
        one.put("/v1/groups/g", {"max_concurrency": limit})
        assert other.call("GET", "/v1/groups/g").body["max_concurrency"] == limit
        assert other.scopes()["group:g"]["max_concurrency"] == limit


async def test_changes_at_both_at_once_are_all_kept(replicas: Replicas) -> None:
    async with client_session() as session:

        async def put(number: int) -> None:
            url = f"{replicas[number % 2].url}/v1/functions/f{number}"
            async with session.put(url, json={"max_concurrency": number}) as reply:
                assert reply.status == 201, await reply.text()

        await asyncio.gather(*(put(number) for number in range(30)))
    functions = replicas[0].call("GET", "/v1/functions").body["functions"]
    assert {name: entry["max_concurrency"] for name, entry in functions.items()} == {
        f"f{number}": number for number in range(30)
    }
