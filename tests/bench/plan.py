"""The controller's plan alone, for a fleet as large as they come."""

import gc
import random
import tracemalloc
from collections.abc import Mapping
from time import process_time

from governor.controller.memory import Memory
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
    Queue,
)
from governor.controller.plan import Plan, plan
from governor.model import Priority, ScopeCount, function_scope
from governor.policy import Account, Function, Group, Policy
from governor.resolver import Resolver
from tests.bench.figures import Bound, Figure, median

FLEET = 10_000
GROUPS = 1_000
LIMIT = 50_000
ROUNDS = 5


def _policy() -> Policy:
    """Functions of which every fifth is user-facing, ten to a group, in two groups each."""
    return Policy(
        account=Account(max_concurrency=LIMIT, headroom=5_000),
        groups={
            f"g{number}": Group(max_concurrency=20 + number % 200, headroom=number % 20)
            for number in range(GROUPS)
        },
        functions={
            f"f{number}": Function(
                priority=Priority.BACKGROUND if number % 5 else Priority.USER_FACING,
                max_concurrency=500,
                groups={f"g{number % GROUPS}": 1 + number % 3, f"g{number * 7 % GROUPS}": 1},
                share=1 + number % 4,
                allow_pause=number % 2 == 0,
                max_batch_size=100,
            )
            for number in range(FLEET)
        },
    )


def _observed(at_s: float, knobs: Mapping[str, Knobs]) -> Observed:
    """A burst in every queue, each a few per cent larger or smaller than the last time."""
    chance = random.Random(at_s)
    return Observed(
        at_s=at_s,
        account=AccountFacts(LIMIT, LIMIT),
        mappings=tuple(
            EventSourceMapping(
                f"uuid-{number}",
                "arn",
                f"f{number}",
                f"q{number}",
                knobs.get(f"uuid-{number}", Knobs()),
            )
            for number in range(FLEET)
        ),
        queues={
            f"q{number}": Queue(f"q{number}", chance.randrange(400, 600) * (number % 20), 50)
            for number in range(FLEET)
        },
        functions={
            f"f{number}": FunctionFacts(f"f{number}", 60, duration_s=2.0) for number in range(FLEET)
        },
        scopes={
            function_scope(f"f{number}"): ScopeCount(in_use=chance.randrange(4))
            for number in range(FLEET)
        },
        ungoverned=100,
    )


def _cycle(at_s: float, memory: Memory) -> tuple[Plan, float]:
    """Plan once; return the plan and the time of one core that it took (s)."""
    observed = _observed(at_s, {uuid: each.sent for uuid, each in memory.turns.items()})
    resolver = Resolver(_policy())  # a policy that was read anew: no claim is known yet
    gc.collect()
    started = process_time()
    planned = plan(resolver, observed, memory)
    return planned, process_time() - started


def planning() -> list[Figure]:
    """Time and memory of a plan for 10,000 mappings, 10,000 functions and 1,000 groups."""
    memory = Memory()
    first_s, later_s = [], []
    first = planned = Plan()
    for number in range(ROUNDS):
        first, took_s = _cycle(1000.0, Memory())
        first_s.append(took_s)
        planned, took_s = _cycle(1000.0 + 10 * number, memory)
        later_s.append(took_s)
        memory = planned.memory
    tracemalloc.start()
    kept, _ = _cycle(1000.0 + 10 * ROUNDS, memory)
    peak_mb = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    fleet = f"{FLEET:,} mappings and functions, {GROUPS:,} groups"
    return [
        Figure(
            f"plan: CPU time for {fleet}, a burst in all queues",
            median(first_s),
            f"{len(first.actions):,} actions, {len(first.non_actions):,} reasons not to act",
            Bound.AT_MOST,
            1,
            "s",
        ),
        Figure(
            "plan: the same in later cycles, which remember",
            median(later_s),
            f"{len(planned.actions):,} actions, {len(planned.non_actions):,} reasons not to act",
            Bound.AT_MOST,
            1,
            "s",
        ),
        Figure(
            "plan: memory of a cycle at its peak, with policy, snapshot and what it leaves",
            peak_mb,
            f"remembers {len(kept.memory.highest):,} figures, {len(kept.memory.turns):,} mappings",
            Bound.AT_MOST,
            200,
            "MB",
        ),
    ]
