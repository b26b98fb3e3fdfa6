"""A burst in three queues of an account with two thousand mappings."""

from pathlib import Path
from typing import Any, Final

import pytest

from governor.demo.aws.fleet import ACCOUNT_ID, REGION
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn
from tests.scenarios.world import World

MAPPINGS: Final = 2000
FUNCTIONS: Final = 100
INTERVAL_S: Final = 10.0
"""The controller's own: what it costs in such an account is what this is about."""

PROMISED: Final = 25
"""Calls of the control plane per cycle when nothing changes."""

POLICY = """
account: {max_concurrency: 120, headroom: 20}
functions:
  api: {priority: user-facing}
  load0: {priority: background}
  load1: {priority: background}
  load2: {priority: background}
"""

_LAMBDA: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}"

pytestmark = pytest.mark.timeout(300)


class Idle:
    """Mappings of queues with nothing in them, which moto would take minutes to make."""

    def __init__(self, standin: StandIn, count: int) -> None:
        """Let `standin` show them beside those that moto has."""
        self._standin = standin
        self._mappings: list[dict[str, Any]] = [
            {
                "UUID": f"{number:08}-0000-4000-8000-000000000000",
                "EventSourceMappingArn": f"{_LAMBDA}:event-source-mapping:{number:08}",
                "FunctionArn": f"{_LAMBDA}:function:idle-{number % FUNCTIONS}",
                "EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:idle-{number}",
                "State": "Enabled",
                "BatchSize": 10,
            }
            for number in range(count)
        ]
        standin.trouble("lambda:ListEventSourceMappings", self._page)
        standin.trouble("lambda:GetFunction", self._function)
        standin.trouble("sqs:GetQueueAttributes", self._attributes)

    def _page(self, request: Request) -> Answer:
        marker = request.query.get("Marker", [None])[0]
        listed = self._standin.forward(request).body["EventSourceMappings"]
        return self._standin.state.page(self._mappings + listed, marker, MAPPINGS)

    def _function(self, request: Request) -> Answer | None:
        if not request.subject.startswith("idle-"):
            return None
        arn = f"{_LAMBDA}:function:{request.subject}"
        return Answer(200, {"Configuration": {"FunctionArn": arn, "Timeout": 30}})

    def _attributes(self, request: Request) -> Answer | None:
        if "/idle-" not in request.body["QueueUrl"]:
            return None
        empty = {
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "VisibilityTimeout": "180",
        }
        return Answer(200, {"Attributes": empty})


async def test_a_burst_among_two_thousand_mappings(tmp_path: Path) -> None:
    async with World(tmp_path, POLICY, limit=120) as world:
        world.function("api")
        loads = [world.fed(f"load{number}") for number in range(3)]
        users = world.users("api", running=40, mean_s=3)
        Idle(world.standin, MAPPINGS - len(loads))
        world.control(INTERVAL_S)
        await world.until(lambda: all_read(world), "all functions and queues were read", 90)
        quiet = await cycles(world, 3)
        print(f"calls per quiet cycle: {quiet}")  # noqa: T201 - for whoever looks
        assert max(quiet) <= PROMISED
        assert users.served(200)
        bursts = [await world.burst(each, messages=80, work_s=4) for each in loads]
        await world.until(
            lambda: all(world.maximum(each) is not None for each in loads),
            "three are held back",
            30,
        )
        for burst in bursts:
            await world.until(burst.is_done, f"{burst.pollers.function} is done", 120)
        await world.until(world.is_as_before, "all queues are let go", 120)
        # To restore is to ask each mapping for its tag, at the same pace: that takes minutes.
        world.standin.heal()
        figures = await world.finish()
    assert world.watch.report["action_totals"]["turn"].keys() <= {"done", "deferred"}
    turned = {text.partition(":")[0] for text in world.watch.actions()}
    assert turned == {"load0", "load1", "load2"}
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0


def all_read(world: World) -> bool:
    """Whether the controller misses nothing any more."""
    return bool(world.watch.report) and not world.watch.report["missing"]


async def cycles(world: World, count: int) -> list[int]:
    """The calls of the control plane that each of the next `count` whole cycles takes."""
    asked: list[int] = []
    await ended(world)
    before = world.standin.counted()
    for _ in range(count):
        await ended(world)
        now = world.standin.counted()
        asked.append((now - before).total() - (now - before)["sqs:GetQueueAttributes"])
        before = now
    return asked


async def ended(world: World) -> None:
    """Wait for the end of a cycle."""
    last_s = world.watch.report["at_s"]
    await world.until(
        lambda: world.watch.report["at_s"] != last_s, "a cycle is over", 3 * INTERVAL_S
    )
