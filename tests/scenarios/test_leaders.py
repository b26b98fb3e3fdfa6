"""The leader dies between two changes of a plan, and another one finishes it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import HangUpError, Request
from tests.scenarios.controllers import Controller
from tests.scenarios.world import World

POLICY = """
account: {max_concurrency: 100, headroom: 20}
functions:
  api: {priority: user-facing}
  load0: {priority: background}
  load1: {priority: background}
  load2: {priority: background}
  load3: {priority: background}
"""

UPDATE: Final = "lambda:UpdateEventSourceMapping"
CHANGES: Final = frozenset(
    {UPDATE, "lambda:TagResource", "lambda:UntagResource", "lambda:PutFunctionConcurrency"}
)
FOLLOWED_WITHIN_S: Final = 15.0

pytestmark = pytest.mark.timeout(300)


@dataclass
class Killer:
    """Trouble for AWS's answers: kills `leader` at its second change of a mapping.

    AWS has `taken` that change or not; either way nobody hears an answer.
    """

    world: World
    leader: Controller
    taken: bool
    killed_s: float = 0.0
    writers: list[str] = field(default_factory=list)
    """Whose changes came, in their order."""
    updates: int = 0

    def __call__(self, request: Request) -> Answer | None:
        """Look at each request."""
        if request.action not in CHANGES:
            return None
        self.writers.append(writer(request))
        self.updates += request.action == UPDATE
        if request.action == UPDATE and self.updates == 2:
            if self.taken:
                self.world.standin.carry_out(request)
            self.leader.kill()
            self.killed_s = time.time()
            raise HangUpError
        return None


def writer(request: Request) -> str:
    """The access key of a request (AWS Signature Version 4: `Credential=<key>/<date>/…`)."""
    _, _, credential = request.headers["Authorization"].partition("Credential=")
    return credential.partition("/")[0]


@pytest.mark.parametrize("taken", [True, False])
async def test_another_leader_finishes_the_plan(tmp_path: Path, *, taken: bool) -> None:
    async with World(tmp_path, POLICY, limit=100) as world:
        world.function("api")
        loads = [world.fed(f"load{number}") for number in range(4)]
        users = world.users("api", running=30, mean_s=3)
        first = world.control()
        await world.until(lambda: users.served(100), "users come and go", 30)
        world.control()
        killer = Killer(world, first, taken)
        world.standin.trouble("lambda:*", killer)
        bursts = [await world.burst(each, messages=120, work_s=4) for each in loads]
        await world.until(lambda: killer.killed_s > 0, "the leader is killed", 30)
        leads = [at_s for (kind, _), at_s in world.watch.events.items() if kind == "leader"]
        assert len(leads) == 1

        def held() -> int:
            return sum(world.maximum(each) is not None for each in loads)

        assert held() == 1 + taken
        # One that was announced and did not come may still be on its way, as far as one can know.
        await world.until(lambda: held() >= 3 + taken, "the plan is finished", 30)
        finished_s = time.time()
        for burst in bursts:
            await world.until(burst.is_done, f"{burst.pollers.function} is done", 120)
        await world.until(world.is_as_before, "all queues are let go", 150)
        figures = await world.finish()
    _, next_s = [at_s for (kind, _), at_s in world.watch.events.items() if kind == "leader"]
    print(  # noqa: T201 - for whoever looks
        f"led again {next_s - killer.killed_s:.1f} s after the kill, "
        f"plan finished after {finished_s - killer.killed_s:.1f} s"
    )
    assert next_s - killer.killed_s < FOLLOWED_WITHIN_S
    assert world.watch.report["drift"] == 0
    assert world.watch.report["confirmation_totals"].get("drift", 0) == 0
    assert set(killer.writers) == {"controller0", "controller1"}
    assert killer.writers == sorted(killer.writers), "the first, then the second, never both"
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0
