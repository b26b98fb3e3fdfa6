"""The simulator tells of a burst what `tests/scenarios/test_burst.py` sees of it live.

The same account, policy, users and messages. What differs: AWS's minutes take a minute here, and
pollers grow by 300 in each, as in a large account.
"""

from itertools import pairwise

import pytest
import yaml

from governor.controller.actions import Turn
from governor.simulate.scenario import PolicyName
from governor.simulate.world import World
from tests.scenarios.burst import LIMIT, MESSAGE_S, MESSAGES, POLICY, REQUEST_S, RUNNING
from tests.simulate.small import WARM, function, played

ACCOUNT = yaml.safe_load(POLICY)["account"]
BEGINS_S = 30
SCENARIO = f"""
length_s = 900
[account]
limit = {LIMIT}
[governor.policy.account]
max_concurrency = {ACCOUNT["max_concurrency"]}
headroom = {ACCOUNT["headroom"]}
[functions.api]
priority = "user-facing"
source = {{ kind = "api" }}
duration = {{ kind = "lognormal", p50_ms = {REQUEST_S * 920}, p99_ms = {REQUEST_S * 2350} }}
{WARM}
arrivals = [{{ kind = "poisson", rate = {RUNNING / REQUEST_S} }}]
[functions.load]
priority = "background"
source = {{ kind = "sqs", batch_size = 1, visibility_s = 36, max_receive_count = 5 }}
duration = {{ kind = "fixed", ms = {MESSAGE_S * 1000} }}
timeout_s = 6
{WARM}
arrivals = [{{ kind = "burst", count = {MESSAGES}, at_s = {BEGINS_S} }}]
"""


def burst(policy: PolicyName, seed: int) -> World:
    return played(SCENARIO, policy, seed)


@pytest.mark.parametrize("seed", range(1, 6))
def test_users_notice_nothing_and_everything_comes_back(seed: int) -> None:
    world = burst("governor", seed)
    users, load = function(world, "api"), function(world, "load")
    assert (users["denied"], users["throttled"]) == (0, 0)
    assert (load["done"], load["dead"]) == (MESSAGES, 0)
    assert world.control is not None
    turns = [(at_s, turn) for at_s, turn in world.control.done if isinstance(turn, Turn)]
    cut_s, cut = turns[0]
    assert BEGINS_S < cut_s <= BEGINS_S + 10
    assert "user-facing demand" in cut.reason
    assert turns[-1][1].restores
    assert all(earlier <= later for (earlier, _), (later, _) in pairwise(turns))


@pytest.mark.parametrize("seed", range(1, 6))
def test_without_the_governor_users_are_throttled(seed: int) -> None:
    users = function(burst("none", seed), "api")
    assert users["throttled"] > 0
