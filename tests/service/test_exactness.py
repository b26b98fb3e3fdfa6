"""However many clients and replicas: never more in use than the limit, and never less than fits."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.governors import Start
from tests.service.api import Api

CLIENTS = 200
LIMITS = {"account": 60, "group:red": 25, "group:blue": 40, "function:f2": 8}
POLICY = """
account: {max_concurrency: 60}
groups:
  red:  {max_concurrency: 25, members: {functions: [f0, f1, f2, f3]}}
  blue: {max_concurrency: 40, members: {functions: [f2, f3, f4, f5]}}
functions:
  f2: {max_concurrency: 8}
  f3: {groups: {red: 2, blue: 3}}
"""


@asynccontextmanager
async def watched(*replicas: Api) -> AsyncIterator[Counter[str]]:
    """The highest in_use that is seen of each scope; it is looked at all the time, everywhere."""
    highest: Counter[str] = Counter()
    looks = 0

    async def watch(replica: Api) -> None:
        nonlocal looks
        while True:
            for scope, status in (await replica.scopes()).items():
                highest[scope] = max(highest[scope], status["in_use"])
            looks += 1

    watchers = [asyncio.create_task(watch(replica)) for replica in replicas]
    try:
        yield highest
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    assert looks > 10, "nobody looked"
    assert all(highest[scope] <= limit for scope, limit in LIMITS.items()), highest


async def test_no_limit_is_exceeded_by_200_clients_of_two_replicas(
    start: Start, valkey_url: str, pool: str
) -> None:
    one, another = (start("--store", valkey_url, "--pool", pool) for _ in range(2))
    async with Api(one.url) as api, Api(another.url) as other:
        await api.set_policy(POLICY)
        await storm(api, other)


async def storm(api: Api, other: Api) -> None:
    """Check in and out as 200 clients at both replicas, watched."""
    outcomes: Counter[int] = Counter()

    async def client(number: int) -> None:
        for turn in range(8):
            replica = random.choice((api, other))
            id_ = f"{number}-{turn}"
            reply = await replica.check_in(
                id_, f"f{random.randrange(7)}", wait_ms=random.choice((0, 0, 300))
            )
            outcomes[reply.status] += 1
            assert reply.status in {201, 429}, reply
            if reply.status == 201:
                await asyncio.sleep(random.uniform(0, 0.05))
                await random.choice((api, other)).check_out(id_)

    async with watched(api, other) as highest:
        await asyncio.gather(*map(client, range(CLIENTS)))
    assert outcomes[201]
    assert outcomes[429]
    assert highest["account"] >= LIMITS["account"] - 3, "the pool was never near its limit"
    scopes = await api.scopes()
    assert {name: scopes[name]["in_use"] for name in LIMITS} == dict.fromkeys(LIMITS, 0)
    assert all(scopes[name]["peak"] <= limit for name, limit in LIMITS.items())


async def test_exactly_the_limit_is_granted_while_all_hold(api: Api, other: Api) -> None:
    await api.set_policy(
        """
        account: {max_concurrency: 100, headroom: 30}
        groups: {slow: {max_concurrency: 45, members: {functions: ["slow-*"]}}}
        defaults: {priority: background}
        functions: {page: {priority: user-facing}}
        """
    )

    async def granted(*functions: str) -> Counter[int]:
        replies = await asyncio.gather(
            *(
                random.choice((api, other)).check_in(f"{functions[0]}-{number}", function)
                for number, function in enumerate(functions)
            )
        )
        return Counter(reply.status for reply in replies)

    slow = [f"slow-{number % 5}" for number in range(CLIENTS)]
    assert await granted(*slow) == {201: 45, 429: CLIENTS - 45}
    assert await granted(*["fast"] * CLIENTS) == {201: 25, 429: CLIENTS - 25}
    assert await granted(*["page"] * CLIENTS) == {201: 30, 429: CLIENTS - 30}
    assert await api.in_use("account") == await other.in_use("account") == 100


async def test_a_limit_changed_at_one_replica_governs_the_next_check_in_at_the_other(
    api: Api, other: Api
) -> None:
    for turn in range(200):
        here, there = random.sample((api, other), 2)
        limit = turn % 2
        path = random.choice(("/v1/functions/f", "/v1/account"))
        await here.put(path, {"max_concurrency": limit})
        reply = await there.check_in(f"{turn}", "f")
        assert reply.status == (201 if limit else 429), turn
        if limit:
            await there.check_out(f"{turn}")
        else:
            assert reply.json["max_concurrency"] == 0
            await here.put(path, {})
