"""The store loses everything in the middle of a burst, and all that was in it comes back."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from governor.controller.memory import Memory, recalled
from governor.controller.observed import Knobs
from governor.ledger.keys import CONTROLLER, key
from tests.scenarios.world import POOL, RECEIVES, World
from tests.stores import Server

POLICY = """
account: {max_concurrency: 100, headroom: 20}
functions:
  api: {priority: user-facing}
  chat: {priority: user-facing}
  load: {priority: background}
"""

RIGHT_WITHIN_S: Final = 30.0
"""What the design promises."""

TALKERS: Final = 15
NOBODY: Final = 0.01
"""Few enough of them that none comes."""

OK: Final = 200
LOOK_S: Final = 0.25
LOOKS: Final = 8
MOVING: Final = 3
"""Invocations that begin or end between two looks, on average and a bit."""

pytestmark = pytest.mark.timeout(300)


def flush(store: Server) -> None:
    """Empty it."""
    with store.client() as client:
        client.flushall()


def crash(store: Server) -> None:
    """Kill it, and have it back after a while with nothing in it."""
    store.kill()
    time.sleep(2)
    store.restart()


@pytest.mark.parametrize(("lose", "controllers"), [(flush, 1), (crash, 2)])
async def test_what_an_emptied_store_knew_comes_back(
    tmp_path: Path, lose: Callable[[Server], None], controllers: int
) -> None:
    async with World(tmp_path, POLICY, limit=100) as world:
        world.function("api")
        world.function("chat", timeout_s=300)
        load = world.fed("load")
        users = world.users("api", running=20, mean_s=3)
        for _ in range(controllers):
            world.control()
        await world.until(lambda: users.served(100), "users come and go", 30)
        talkers = world.users("chat", running=6 * TALKERS, mean_s=60)
        await world.until(
            lambda: world.region.running["chat"] >= TALKERS, "some come and stay for long", 30
        )
        talkers.running = NOBODY
        burst = await world.burst(load, messages=400, work_s=4)
        await world.until(
            lambda: bool(world.watch.arrived),
            "the queue is held back, and AWS has done so",
            40,
        )
        before = await rules(world)
        assert before["facts"]["max_attempts"] == {"load": RECEIVES}
        held = world.maximum(load)
        lost_s = time.time()
        await asyncio.to_thread(lose, world.store)
        right_s, forgotten = await comes_back(world)
        print(  # noqa: T201 - for whoever looks
            f"\nnobody knew of {forgotten} invocations at most, and of all again "
            f"after {right_s - lost_s:.1f} s"
        )
        assert right_s - lost_s < RIGHT_WITHIN_S
        assert forgotten > MOVING, "there was something to come back"
        assert world.region.running["chat"] > TALKERS // 2, "it came, and not just went"
        await world.until(lambda: memory(world).turns != {}, "the memory is back", 30)
        assert await rules(world) == before
        assert {each.original for each in memory(world).turns.values()} == {Knobs(batch_size=1)}
        assert held is not None
        await world.until(burst.is_done, "the background work is done", 150)
        await world.until(world.is_as_before, "the queue is let go", 120)
        assert memory(world).drifts == 0
        figures = await world.finish()
    assert world.watch.report["confirmation_totals"].get("drift", 0) == 0
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0


async def rules(world: World) -> dict[str, Any]:
    """What the service goes by: the policy, and what was learned from AWS."""
    policy, facts = await world.api.get("/v1/policy"), await world.api.get("/v1/facts")
    return {"policy": policy.json, "facts": facts.json}


def memory(world: World) -> Memory:
    """What the store keeps of the controller."""
    with world.store.client() as client:
        document = client.hget(key(POOL, CONTROLLER), "memory")
    found = recalled(document.encode() if isinstance(document, str) else None)
    assert found is not None
    return found


async def comes_back(world: World) -> tuple[float, int]:
    """Wait until the ledger knows of all invocations and no others, for some looks in a row.

    Returns when it first did, and how many it did not know at worst.
    """
    unknown: list[int] = []
    looks_s: list[float] = []
    give_up_at_s = time.time() + 2 * RIGHT_WITHIN_S
    while len(unknown) < LOOKS or max(map(abs, unknown[-LOOKS:])) > MOVING:
        assert time.time() < give_up_at_s, unknown
        reply = await world.api.get("/v1/status")
        unknown.append(world.region.pool - (in_use(reply.json) if reply.status == OK else 0))
        looks_s.append(time.time())
        await asyncio.sleep(LOOK_S)
    return looks_s[-LOOKS], max(unknown)


def in_use(status: dict[str, Any]) -> int:
    """What the ledger counts in the account."""
    return next((each["in_use"] for each in status["scopes"] if each["scope"] == "account"), 0)
