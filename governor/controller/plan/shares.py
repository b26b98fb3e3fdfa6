"""Weighted max-min fairness under several constraints, in whole units. Pure.

Progressive filling: units go out one at a time, each to the claimant that has least for its share,
until a constraint on it is full. A claimant first gets what it needs, and only when no one needs
any more what else it could use. So nobody has more than another with the same rights unless the
other can't use it or a constraint of its own holds it; and a larger pool is the same distribution,
carried on.

This takes O((claimants + units) · log claimants) time; units are only counted out where a
constraint can't give everybody all that they could use.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who wants a share. Units are invocations at a time.

    It gets `floor` in any case, or nothing if it is paused. `need` ≤ `reach`: what it should have,
    what it can use. `parts` are the constraints that it is under, with a unit's weight in each.
    """

    id: str
    floor: int
    need: int
    reach: int
    share: int = 1
    may_pause: bool = False
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def most(self) -> int:
        """The most that it takes."""
        return max(self.floor, self.reach)


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gets how much, by id; `bound_by` is the constraint that keeps a claimant from more."""

    units: dict[str, int] = field(default_factory=dict)
    bound_by: dict[str, str] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()


def distribute(claimants: Sequence[Claimant], limits: Mapping[str, int]) -> Shares:
    """Share what the constraints' `limits` allow among `claimants` (ids are distinct).

    A constraint that `limits` does not name is none. Equals are told apart by what they could use,
    then by id: the order of `claimants` has no influence.
    """
    contested = _contested(claimants, limits)
    paused = _paused(claimants, contested)
    units = {each.id: 0 if each.id in paused else each.most for each in claimants}
    bound_by = dict(paused)
    held = [
        each
        for each in claimants
        if each.id not in paused and any(name in contested for name, _ in each.parts)
    ]
    room = dict(contested)
    for each in held:
        units[each.id] = each.floor
        for name, weight in each.parts:
            if name in room:
                room[name] -= weight * each.floor
    for name in paused.values():  # what would lift others is saved up for those who have nothing
        room[name] = min(0, room[name])
    _fill(held, room, units, bound_by)
    return Shares(units, bound_by, frozenset(paused))


def _contested(claimants: Sequence[Claimant], limits: Mapping[str, int]) -> dict[str, int]:
    """Return the constraints that can't give everybody all that they could use."""
    wanted: Counter[str] = Counter()
    for each in claimants:
        for name, weight in each.parts:
            wanted[name] += weight * each.most
    return {name: limits[name] for name in wanted if wanted[name] > limits.get(name, wanted[name])}


def _paused(claimants: Sequence[Claimant], contested: Mapping[str, int]) -> dict[str, str]:
    """Return who has to make way because the floors don't fit, with the constraint concerned.

    The smallest shares go first. The account comes last: it counts what the others leave.
    """
    floors = _floors(claimants)
    willing: dict[str, list[tuple[int, str, Claimant]]] = {}
    for each in claimants if any(floors[name] > contested[name] for name in contested) else ():
        for name, _ in each.parts if each.may_pause else ():
            if floors[name] > contested.get(name, floors[name]):
                willing.setdefault(name, []).append((each.share, each.id, each))
    paused: dict[str, str] = {}
    for name in sorted(willing, key=lambda name: (":" not in name, name)):
        for _, id_, each in sorted(willing[name], key=lambda entry: entry[:2]):
            if floors[name] <= contested[name]:
                break
            if id_ not in paused:
                paused[id_] = name
                for part, weight in each.parts:
                    floors[part] -= weight * each.floor
    return paused


def _floors(claimants: Sequence[Claimant]) -> Counter[str]:
    """Return what the floors alone take of each constraint."""
    floors: Counter[str] = Counter()
    for each in claimants:
        for name, weight in each.parts:
            floors[name] += weight * each.floor
    return floors


def _fill(
    held: Sequence[Claimant],
    room: dict[str, int],
    units: dict[str, int],
    bound_by: dict[str, str],
) -> None:
    """Hand out the `room` of contested constraints above the floors."""
    ranked = sorted(held, key=lambda each: (-each.reach, each.id))
    parts = [[part for part in each.parts if part[0] in room] for each in ranked]
    given = [each.floor for each in ranked]
    heap = [
        (given[index] >= each.need, (given[index] + 1) / each.share, index)
        for index, each in enumerate(ranked)
        if given[index] < each.reach
    ]
    heapify(heap)
    while heap:
        index = heap[0][2]
        each = ranked[index]
        full = next((name for name, weight in parts[index] if room[name] < weight), None)
        if full is not None:
            bound_by[each.id] = full
            heappop(heap)
            continue
        for name, weight in parts[index]:
            room[name] -= weight
        given[index] += 1
        if given[index] < each.reach:
            more = (given[index] >= each.need, (given[index] + 1) / each.share, index)
            heapreplace(heap, more)
        else:
            heappop(heap)
    units.update((each.id, given[index]) for index, each in enumerate(ranked))
