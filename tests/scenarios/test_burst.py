"""The burst that the governor is there for: background work comes by the hundred, users wait."""

from pathlib import Path

import pytest

from governor.demo.region import Ended
from tests.scenarios.burst import LIMIT, MESSAGE_S, MESSAGES, POLICY, REQUEST_S, RUNNING
from tests.scenarios.world import World

pytestmark = pytest.mark.timeout(300)


async def test_users_notice_nothing_of_a_burst(tmp_path: Path) -> None:
    async with World(tmp_path, POLICY, limit=LIMIT) as world:
        world.function("api")
        load = world.fed("load")
        users = world.users("api", running=RUNNING, mean_s=REQUEST_S)
        world.control()
        await world.until(lambda: users.served(200), "users come and go", 30)
        burst = await world.burst(load, messages=MESSAGES, work_s=MESSAGE_S)
        await world.until(burst.is_done, "the background work is done", 120)
        await world.until(world.is_as_before, "the queue is let go", 150)
        figures = await world.finish()
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0
    assert figures.cut_after_s is not None
    assert figures.put_back_after_s is not None


async def test_more_users_take_from_a_burst(tmp_path: Path) -> None:
    async with World(tmp_path, POLICY, limit=LIMIT) as world:
        world.function("api")
        load = world.fed("load")
        users = world.users("api", running=30, mean_s=REQUEST_S)
        world.control()
        await world.until(lambda: users.served(150), "users come and go", 30)
        await world.burst(load, messages=300, work_s=4)
        await world.until(lambda: world.maximum(load) is not None, "the burst is held back", 30)
        before = world.maximum(load)
        assert before is not None
        users.running = 60
        await world.until(
            lambda: (world.maximum(load) or before) <= before - 20, "much further", 60
        )
        served = users.ended[Ended.DONE]
        await world.until(lambda: users.served(served + 600), "they come and go again", 60)
        figures = await world.finish()
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0
