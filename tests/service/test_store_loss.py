"""The store is not there, goes away, hangs, comes back: 503 at once, and nobody has to restart."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from governor.demo.ports import free_ports
from governor.ledger.embedded import valkey_binary
from tests.governors import Start
from tests.service.api import Api, Reply, eventually
from tests.stores import NO_PERSISTENCE, Server

AT_ONCE_S = 3.0
"""Generous: the store's time-out is 0.5 s, and what is known to be lost is not asked."""

STORE_CALLS = [
    ("POST", "/v1/leases", {"id": "one", "function": "f", "ttl_ms": 1000}),
    ("POST", "/v1/leases", {"id": "two", "function": "f", "ttl_ms": 1000, "wait_ms": 60_000}),
    ("POST", "/v1/leases/one/renew", {"function": "f", "ttl_ms": 1000}),
    ("DELETE", "/v1/leases/one", None),
    ("GET", "/v1/leases", None),
    ("GET", "/v1/functions", None),
    ("GET", "/v1/functions/f", None),
    ("PUT", "/v1/functions/f", {}),
    ("PATCH", "/v1/functions/f", {}),
    ("DELETE", "/v1/functions/f", None),
    ("GET", "/v1/groups", None),
    ("GET", "/v1/account", None),
    ("PUT", "/v1/account", {}),
    ("GET", "/v1/policy", None),
    ("PUT", "/v1/policy", {}),
    ("PUT", "/v1/policy?dry_run=true", {}),
    ("GET", "/v1/status", None),
    ("GET", "/v1/stream", None),
    ("GET", "/readyz", None),
]


async def assert_unavailable(api: Api) -> None:
    """Every call that needs the store says so at once; those that don't work."""
    for method, path, body in STORE_CALLS:
        started = time.monotonic()
        reply = await api.call(method, path, body)
        assert time.monotonic() - started < AT_ONCE_S, (method, path)
        assert reply.problem(503)["title"] == "Store unavailable"
        assert reply.headers["Retry-After"]
    assert (await api.get("/healthz")).json == {"status": "ok"}
    assert (await api.get("/openapi.json")).status == 200
    assert (await api.get("/")).status == 200
    metrics = (await api.get("/metrics")).body
    assert b"\ngovernor_store_up 0.0\n" in metrics
    assert b'governor_acquires_total{function="f",result="unavailable"}' in metrics


async def assert_back(api: Api) -> None:
    """Everything works again."""

    async def is_ready() -> bool:
        return (await api.get("/readyz")).status == 200

    await eventually(is_ready, "the service is ready again")
    id_ = f"back-{time.monotonic_ns()}"
    await api.granted(id_, "f")
    assert id_ in await api.holders()
    await api.check_out(id_)
    assert (await api.put("/v1/functions/back", {"max_concurrency": 1})).status in {200, 201}
    assert b"\ngovernor_store_up 1.0\n" in (await api.get("/metrics")).body


async def test_a_store_that_is_not_there_at_start(start: Start) -> None:
    (port,) = free_ports(1)
    governor = start("--store", f"redis://127.0.0.1:{port}")
    async with Api(governor.url) as api:
        await assert_unavailable(api)
        with Server(valkey_binary(), *NO_PERSISTENCE, port=port):
            await assert_back(api)


async def test_a_policy_file_is_loaded_once_the_store_is_there(
    start: Start, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    file = tmp_path / "policy.yaml"
    file.write_text("functions: {f: {max_concurrency: 0}}")
    governor = start("--store", f"redis://127.0.0.1:{port}", "--policy", f"{file}")
    async with Api(governor.url) as api:
        (await api.get("/v1/policy")).problem(503)
        with Server(valkey_binary(), *NO_PERSISTENCE, port=port):

            async def is_loaded() -> bool:
                return "f" in (await api.policy()).get("functions", {})

            await eventually(is_loaded, "the file's policy stands")
            await api.denied("one", "f")


async def test_a_store_that_is_killed_and_comes_back_empty(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api:
        await api.set_policy("{functions: {f: {max_concurrency: 3}}}")
        await api.granted("survivor", "f")
        own_store.kill()
        await assert_unavailable(api)
        own_store.restart()
        await assert_back(api)
        assert (await api.policy())["functions"]["f"] == {"max_concurrency": 3}
        renewed = await api.call(
            "POST", "/v1/leases/survivor/renew", {"function": "f", "ttl_ms": 60_000}
        )
        assert renewed.json["reinstated"]
        assert await api.in_use("function:f") == 1


async def test_a_store_that_hangs_and_goes_on(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api:
        await api.granted("held", "f")
        own_store.freeze()
        await assert_unavailable(api)
        own_store.resume()
        await assert_back(api)
        assert "held" in await api.holders()


@pytest.mark.parametrize("loss", ["killed", "frozen"])
async def test_who_is_in_flight_is_answered(start: Start, own_store: Server, loss: str) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api:
        await api.granted("first", "f")
        own_store.freeze()
        calls = [asyncio.create_task(api.check_in(f"{number}", "f")) for number in range(50)]
        if loss == "killed":
            own_store.kill()
        started = time.monotonic()
        replies = await asyncio.gather(*calls)
        assert time.monotonic() - started < AT_ONCE_S
        assert {reply.status for reply in replies} == {503}


async def test_who_waits_meanwhile_is_served_afterwards(start: Start) -> None:
    options = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
    with Server(valkey_binary(), *options) as store:
        governor = start("--store", store.url)
        async with Api(governor.url) as api:
            await api.set_policy("{functions: {f: {max_concurrency: 1}}}")
            await api.granted("first", "f")
            waiting = asyncio.create_task(api.check_in("second", "f", wait_ms=20_000))
            await asyncio.sleep(0.2)
            store.restart()
            await assert_ready(api)
            await api.check_out("first")
            reply = await waiting
            assert reply.status in {200, 201}, reply
            assert await api.holders() == ["second"]


async def assert_ready(api: Api) -> None:
    """The store is reachable again."""

    async def is_ready() -> bool:
        return (await api.get("/readyz")).status == 200

    await eventually(is_ready, "the service is ready")


async def test_no_lease_is_granted_twice(start: Start) -> None:
    """Clients ask until they are answered, while the store is killed and frozen."""
    granted: Counter[str] = Counter()
    limit = 40
    options = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
    with Server(valkey_binary(), *options) as store:
        replicas = [start("--store", store.url) for _ in range(2)]
        async with Api(replicas[0].url) as api, Api(replicas[1].url) as other:
            await api.set_policy(f"{{functions: {{f: {{max_concurrency: {limit}}}}}}}")
            over = asyncio.Event()

            async def client(number: int) -> None:
                turn = 0
                while not over.is_set():
                    id_ = f"{number}-{turn}"
                    reply = await ask(id_)
                    granted[id_] += reply.status == 201
                    turn += 1
                    if reply.status in {200, 201} and turn % 4:
                        await give_back(id_)

            async def ask(id_: str) -> Reply:
                replica = api
                while (reply := await replica.check_in(id_, "f")).status == 503:
                    granted[id_] += 0
                    replica = other if replica is api else api
                    await asyncio.sleep(0.01)
                assert reply.status in {200, 201, 429}
                return reply

            async def give_back(id_: str) -> None:
                async def is_over() -> bool:
                    return (await other.delete(f"/v1/leases/{id_}")).status == 204

                await eventually(is_over, f"{id_} is given back")

            clients = [asyncio.create_task(client(number)) for number in range(20)]
            for turn in range(3):
                await asyncio.sleep(0.3)
                if turn % 2:
                    store.freeze()
                    await asyncio.sleep(0.7)
                    store.resume()
                else:
                    await asyncio.to_thread(store.restart)
                await assert_ready(api)
                await assert_ready(other)
            over.set()
            await asyncio.gather(*clients)
            assert await api.in_use("function:f") == len(await api.holders()) <= limit
            assert (await api.scopes())["function:f"]["peak"] <= limit
    assert sum(granted.values()) > 50
    assert max(granted.values()) == 1, [id_ for id_, times in granted.items() if times > 1]
