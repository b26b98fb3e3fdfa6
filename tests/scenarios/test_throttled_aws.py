"""A burst that comes while AWS answers nobody's calls: the ledger alone protects users."""

from pathlib import Path

import pytest

from tests.scenarios.world import World

POLICY = """
account: {max_concurrency: 100, headroom: 20}
functions:
  api: {priority: user-facing}
  load: {priority: background}
"""
REFUSED = 40
"""Calls."""

pytestmark = pytest.mark.timeout(300)


async def test_users_notice_nothing_while_aws_throttles_the_controller(tmp_path: Path) -> None:
    async with World(tmp_path, POLICY, limit=100) as world:
        world.function("api")
        load = world.fed("load")
        users = world.users("api", running=40, mean_s=3)
        world.control()
        await world.until(lambda: users.served(200), "users come and go", 30)
        world.standin.throttle()
        before = len(world.standin.asked)
        burst = await world.burst(load, messages=300, work_s=4)
        await world.until(
            lambda: len(world.standin.asked) > before + REFUSED, "many calls are refused", 90
        )
        assert world.watch.report["state"] == "blind"
        assert world.maximum(load) is None
        world.standin.heal()
        await world.until(lambda: world.maximum(load) is not None, "the queue is held back", 15)
        await world.until(
            lambda: world.watch.report["state"] == "acting", "the controller sees again", 15
        )
        await world.until(burst.is_done, "the background work is done", 120)
        await world.until(world.is_as_before, "the queue is let go", 120)
        figures = await world.finish()
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0
    assert figures.batches_denied > 0, "that is what users were protected by"
    assert world.watch.report["drift"] == 0
    warnings = {text for kind, text in world.watch.events if kind == "warning"}
    assert all("throttled" in text for text in warnings), warnings
