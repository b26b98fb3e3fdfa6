"""People have the last word: what someone sets in AWS's console stays as it is."""

from pathlib import Path

import pytest

from tests.scenarios.world import World

THEIRS = 35

POLICY = """
account: {max_concurrency: 100, headroom: 20}
functions:
  api: {priority: user-facing}
  load: {priority: background}
  report: {priority: background}
"""

pytestmark = pytest.mark.timeout(300)


async def test_what_a_person_sets_in_a_burst_is_left_alone(tmp_path: Path) -> None:
    async with World(tmp_path, POLICY, limit=100) as world:
        world.function("api")
        load, report = world.fed("load"), world.fed("report")
        users = world.users("api", running=30, mean_s=3)
        world.control()
        await world.until(lambda: users.served(150), "users come and go", 30)
        bursts = [await world.burst(each, messages=200, work_s=4) for each in (load, report)]

        def settled() -> bool:
            return {text.partition(":")[0] for text in world.watch.arrived} == {"load", "report"}

        await world.until(settled, "both are held back, and AWS has done so", 40)
        assert world.maximum(load) != THEIRS
        world.fleet.functions.update_event_source_mapping(
            UUID=load.uuid, ScalingConfig={"MaximumConcurrency": THEIRS}
        )
        await world.until(lambda: world.watch.report["drift"] == 1, "that is seen", 15)
        metrics = (await world.api.get("/metrics")).body.decode()
        assert "\ngovernor_controller_drift 1.0\n" in metrics
        share = world.maximum(report)
        assert share is not None
        await world.until(
            lambda: (world.maximum(report) or 0) < share, "the other one has to make way", 40
        )
        for burst in bursts:
            await world.until(burst.is_done, f"{burst.pollers.function} is done", 120)
        await world.until(lambda: world.maximum(report) is None, "the other one is let go", 120)
        assert world.maximum(load) == THEIRS
        figures = await world.finish(theirs={"load"})
        assert world.maximum(load) == THEIRS, "nor does a restore change that"
    assert figures.users_harmed == 0
    assert figures.dead_letters == 0
    warnings = [text for kind, text in world.watch.events if kind == "warning"]
    assert [text for text in warnings if "somebody else changed" in text] == warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("load: ")
