"""Background work that no queue of ours feeds: AWS's own has to hold it back, if it must be."""

import asyncio
from pathlib import Path

import pytest

from governor.demo.region import Ended
from tests.scenarios.async_events import AsyncEvents
from tests.scenarios.world import World

MOST = 30
EVENTS = 600
PER_S = 20
WORK_S = 2.0
"""With `PER_S` events that makes 40 at a time."""

POLICY = f"""
account: {{max_concurrency: 200, headroom: 20}}
functions:
  api: {{priority: user-facing}}
  thumbnails: {{priority: background, max_concurrency: {MOST}}}
"""

pytestmark = pytest.mark.timeout(300)


async def test_events_of_a_function_that_no_queue_feeds_wait_at_aws(tmp_path: Path) -> None:
    async with World(tmp_path, POLICY, limit=200) as world:
        world.function("api")
        world.function("thumbnails")
        users = world.users("api", running=60, mean_s=3)
        thumbnails = world.events("thumbnails")
        await world.region.warm("thumbnails")
        world.control()
        reserved = world.standin.state.reserved
        await world.until(lambda: users.served(200), "users come and go", 30)
        sending = world.tasks.create_task(send(thumbnails))
        await world.until(lambda: reserved == {"thumbnails": MOST}, "the brake is set", 30)
        await sending
        await world.until(
            lambda: thumbnails.ended.total() == EVENTS, "all events are done with", 90
        )
        await world.until(world.is_as_before, "the brake is off", 100)
        figures = await world.finish()
        at_aws = world.region.ended["thumbnails"]
    assert figures.users_harmed == 0
    assert thumbnails.ended == {Ended.DONE: EVENTS}, "nothing is lost"
    assert at_aws[Ended.THROTTLED] > 0, "AWS made events wait"
    assert at_aws[Ended.DENIED] == 0, "which costs none of their two retries"
    brake, release = [text for text in world.watch.actions() if text.startswith("thumbnails: ")]
    assert f"no reservation → {MOST} reserved" in brake
    assert f"{MOST} reserved → no reservation" in release


async def send(thumbnails: AsyncEvents) -> None:
    """Send all events, so many a second."""
    for _ in range(EVENTS // PER_S):
        thumbnails.send(PER_S, WORK_S)
        await asyncio.sleep(1)
