"""Small scenarios, and runs of them."""

from pathlib import Path

from governor.simulate.reading import parse
from governor.simulate.scenario import PolicyName, Scenario
from governor.simulate.world import World


def scenario(text: str, folder: Path = Path()) -> Scenario:
    """The scenario in `text`, with its files in `folder`."""
    return parse(text, folder / "small.toml")


def played(text: str, policy: PolicyName = "none", seed: int = 1, folder: Path = Path()) -> World:
    """An account after the run of a scenario."""
    world = World(scenario(text, folder), policy, seed)
    world.run(lambda _: None)
    return world


def function(world: World, name: str) -> dict[str, int]:
    """What was counted of one function."""
    tally = next(each.tally for each in world.functions if each.name == name)
    return {
        each: getattr(tally, each) for each in tally.__slots__ if type(getattr(tally, each)) is int
    }


WARM = 'cold_start = { kind = "fixed", ms = 0.001 }'
"""Environments that begin at once."""

MIXED = """
length_s = 300
[account]
limit = 60
[governor.policy]
account = { max_concurrency = 60, headroom = 10 }
groups = { db = { max_concurrency = 40, headroom = 5 } }
[functions.api]
count = 3
priority = "user-facing"
source = { kind = "api", retries = 1 }
duration = { kind = "lognormal", p50_ms = 200, p99_ms = 2000 }
arrivals = [{ kind = "diurnal", rate = 15, swing = 0.6, period_s = 300 }]
error_rate = 0.01
reserved = 10
policy = { groups = ["db"] }
[functions.worker]
count = 2
priority = "background"
source = { kind = "sqs", batch_size = 5, visibility_s = 30, max_receive_count = 4 }
duration = { kind = "lognormal", p50_ms = 150, p99_ms = 900 }
timeout_s = 5
error_rate = 0.05
arrivals = [{ kind = "burst", count = 3000, at_s = 60 }, { kind = "poisson", rate = 1 }]
reserved = 8
sqs_max = 10
policy = { groups = { db = 2 } }
[functions.events]
priority = "background"
source = { kind = "async" }
duration = { kind = "fixed", ms = 800 }
arrivals = [{ kind = "burst", count = 200, at_s = 100 }]
error_rate = 0.2
policy = { max_concurrency = 6 }
"""
"""A bit of everything, in an account that is too small for it."""
