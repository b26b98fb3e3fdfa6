"""Bursts at the same time, and what they share."""

from pathlib import Path

import pytest

from tests.scenarios.world import World

SHARES = """
account: {max_concurrency: 120, headroom: 20}
functions:
  api: {priority: user-facing}
  large: {priority: background, share: 3}
  small: {priority: background}
"""

GROUP = """
account: {max_concurrency: 200, headroom: 20}
groups:
  orders-db: {max_concurrency: 80, headroom: 20}
functions:
  api: {priority: user-facing, groups: [orders-db]}
  worker: {priority: background, groups: [orders-db]}
"""

pytestmark = pytest.mark.timeout(300)


async def test_two_bursts_share_by_weight(tmp_path: Path) -> None:
    async with World(tmp_path, SHARES, limit=120) as world:
        world.function("api")
        large, small = world.fed("large"), world.fed("small")
        users = world.users("api", running=20, mean_s=3)
        world.control()
        await world.until(lambda: users.served(100), "users come and go", 30)
        bursts = [
            await world.burst(large, messages=300, work_s=4.5),
            await world.burst(small, messages=100, work_s=4.5),
        ]

        def is_shared() -> bool:
            most = world.maximum(large), world.maximum(small)
            # One unit of the small one are three of the large one, and none is changed by just one.
            return most[0] is not None and most[1] is not None and abs(most[0] - 3 * most[1]) <= 6

        await world.until(is_shared, "both are held back, three to one", 30)
        for burst in bursts:
            await world.until(burst.is_done, f"{burst.pollers.function} is done", 120)
        figures = await world.finish()
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0


async def test_a_group_holds_before_the_account_does(tmp_path: Path) -> None:
    async with World(tmp_path, GROUP, limit=200) as world:
        world.function("api")
        worker = world.fed("worker")
        users = world.users("api", running=30, mean_s=3)
        world.control()
        await world.until(lambda: users.served(150), "users come and go", 30)
        burst = await world.burst(worker, messages=300, work_s=4)
        await world.until(burst.is_done, "the background work is done", 120)
        figures = await world.finish()
        group = world.watch.scopes["group:orders-db"]
        reasons = [text for text in world.watch.actions() if "→" in text]
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0
    assert 60 <= group["peak"] <= 80
    assert figures.pool_peak < 180
    assert "group:orders-db leaves" in reasons[0]
