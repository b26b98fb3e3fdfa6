"""A run as it goes: samples at even intervals."""

from typing import TYPE_CHECKING, Final

from governor.model import group_scope
from governor.resolver import Resolver
from governor.simulate.pool import Pool

if TYPE_CHECKING:
    from governor.simulate.work import Running
    from governor.simulate.world import World

_GROUP: Final = group_scope("")
_SAMPLES: Final = 1200
"""Samples of a scenario's length; not more than one a second."""


class Series:
    """Samples by column, each at `at_s`; `in_use` is by family of functions."""

    def __init__(self, families: list[str]) -> None:
        """Begin without samples."""
        self.at_s: list[float] = []
        self.in_use: dict[str, list[int]] = {family: [] for family in families}
        self.refused: list[int] = []
        """Requests to user-facing functions that were refused, since the sample before."""
        self.backlog: list[int] = []
        """Messages in background queues, visible or in flight."""
        self.allowed: list[int | None] = []
        """What the controller's last plan allows to queues."""


class Recorder:
    """Takes the samples."""

    def __init__(self, world: "World") -> None:
        """Sample `world`, not before `begin`."""
        self._world = world
        self.every_s = max(1.0, world.scenario.head.length_s / _SAMPLES)
        self.user_facing = {each.family: each.user_facing for each in world.functions}
        self.series = Series(list(self.user_facing))
        self.used_s = 0.0
        """Slot-seconds of all functions within the scenario's length."""
        self.wasted_s = 0.0
        """Slot-seconds that were reserved and idle, within the scenario's length."""
        self.above_s = 0.0
        """How long some group of the policy ran more than its max_concurrency."""
        self._groups = _groups(world)
        self._refused = 0

    def begin(self) -> None:
        """Take the first sample, and go on."""
        self._sample(None)

    def _sample(self, _: None) -> None:
        world, series = self._world, self.series
        timeline = world.timeline
        timeline.at(timeline.now_s + self.every_s, self._sample, None)
        in_use = dict.fromkeys(series.in_use, 0)
        refused = 0
        reserved: set[Pool] = set()
        for function in world.functions:
            in_use[function.family] += function.in_use
            if function.user_facing:
                refused += function.tally.refused
            if function.pool is not world.account_pool:
                reserved.add(function.pool)
        for family, count in in_use.items():
            series.in_use[family].append(count)
        series.at_s.append(timeline.now_s)
        series.refused.append(refused - self._refused)
        self._refused = refused
        series.backlog.append(
            sum(
                len(queue.visible) + queue.in_flight
                for name, queue in world.queues.items()
                if not world.is_user_facing(name)
            )
        )
        control = world.control
        series.allowed.append(sum(control.plan.allowed.values()) if control else None)
        if any(
            sum(weight * function.in_use for function, weight in members) > limit
            for limit, members in self._groups
        ):
            self.above_s += self.every_s
        if timeline.now_s < world.scenario.head.length_s:
            self.used_s += sum(in_use.values()) * self.every_s
            if world.policy != "oracle":
                idle = sum(max(0, pool.limit - pool.in_use) for pool in reserved)
                self.wasted_s += idle * self.every_s


def _groups(world: "World") -> list[tuple[int, list[tuple["Running", int]]]]:
    """The policy's groups that have a limit: that, and their members with their weights."""
    resolver = Resolver(world.scenario.policy)
    found: dict[str, tuple[int, list[tuple[Running, int]]]] = {}
    for function in world.functions:
        for hold in resolver.claim(function.name).holds:
            limit = hold.limits.max_concurrency
            if hold.scope.startswith(_GROUP) and limit is not None:
                found.setdefault(hold.scope, (limit, []))[1].append((function, hold.weight))
    return list(found.values())
