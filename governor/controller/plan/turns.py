"""What to do with a mapping, given its share: cut fast, raise slowly, put back, leave. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from governor.controller.actions import NonAction, Turn
from governor.controller.memory import Turned
from governor.controller.observed import EventSourceMapping, Knobs
from governor.controller.plan.budget import Budget
from governor.controller.plan.demand import Demand
from governor.controller.plan.knobs import change, floor, grown, held, shown, units
from governor.controller.plan.shares import Claimant, Shares
from governor.model import ACCOUNT

CALM_S: Final = 60
"""A mapping is let go, a bit or wholly, when it was not turned for this time."""

LONG_CALM_S: Final = 300
"""A raise by less than half, which noise may ask for too, waits for so long.

Batches and duration a tenth higher than before, which were a tenth too low: 1.1² / 0.9² is 1.49.
"""

STEP: Final = 10
"""A raise is by half, or by this much where that is more."""

_NAMED: Final = 2
"""So many others are named in a reason."""


@dataclass(frozen=True, slots=True)
class Governed:
    """A mapping that the controller may turn.

    `busy`: AWS is still at its last change. `idle`: nothing waits or runs in its queue now.
    """

    mapping: EventSourceMapping
    turned: Turned | None
    demand: Demand
    claimant: Claimant
    max_batch_size: int | None
    fifo: bool
    busy: bool
    idle: bool

    @property
    def original(self) -> Knobs:
        """How the mapping stands when nothing holds it back."""
        return self.turned.original if self.turned else self.mapping.knobs

    def waited_s(self, at_s: float) -> float:
        """Return for how long the mapping has not been turned."""
        return max(0.0, at_s - self.turned.at_s) if self.turned else LONG_CALM_S


class Decisions:
    """Decides mapping by mapping on one distribution."""

    def __init__(
        self,
        governed: Sequence[Governed],
        shares: Shares,
        limits: Mapping[str, int],
        budget: Budget,
        *,
        sure: bool,
    ) -> None:
        """Prepare what reasons are made of. If not `sure` of the budget, nobody gets more."""
        self._shares = shares
        self._limits = limits
        self._budget = str(budget)
        self._sure = sure
        self._bound: dict[str, list[str]] = {}
        """The functions that each constraint holds back, by name."""
        self._heaviest: dict[str, int] = {}
        """The most that a unit takes of each constraint."""
        spent: Counter[str] = Counter()
        bound: dict[str, set[str]] = {}
        for each in governed:
            most = each.claimant.most
            now = units(each.mapping.knobs)
            for name, weight in each.claimant.parts:
                self._heaviest[name] = max(weight, self._heaviest.get(name, 1))
                spent[name] += weight * (most if now is None else min(now, most))
            if (name := shares.bound_by.get(each.mapping.uuid, "")) != "":
                bound.setdefault(name, set()).add(each.mapping.function)
        self._overspent = {name for name in limits if spent[name] > limits[name]}
        for name, functions in bound.items():
            self._bound[name] = sorted(functions)[: _NAMED + 1]
        self._count = {name: len(functions) for name, functions in bound.items()}

    def decide(self, governed: Governed, at_s: float) -> Turn | NonAction:
        """Return what to do with a mapping, and why."""
        bound_by = self._shares.bound_by.get(governed.mapping.uuid)
        if bound_by is None:
            return self._let_go(governed, at_s)
        return self._hold(governed, bound_by, at_s)

    def _let_go(self, governed: Governed, at_s: float) -> Turn | NonAction:
        mapping, original = governed.mapping, governed.original
        reach = governed.demand.reach
        use = f"can use {reach:,} at a time and may" if reach else "nothing waits"
        if mapping.knobs == original and not governed.busy:
            if mapping.original is not None:
                return _turn(governed, original, "as it was; only its tag is left over")
            return self._leave(governed, use)
        if wait := self._wait(governed, at_s, self._calm_s(governed, reach)):
            return self._leave(governed, f"{use}; {wait}")
        return _turn(governed, original, f"{use}: back to the original")

    def _hold(self, governed: Governed, bound_by: str, at_s: float) -> Turn | NonAction:
        share = self._shares.units[governed.mapping.uuid]
        why = self._why(governed, bound_by, share)
        if governed.busy:
            return self._leave(governed, f"{why}; its last change has not settled yet")
        knobs = governed.mapping.knobs
        now = units(knobs)
        if governed.idle and (now is None or share < now):  # a cut would only put its return off
            return self._leave(governed, f"{why}; nothing waits")
        to, wait = share, ""
        if now is not None and now < share:
            to = min(share, max(now + STEP, now * 3 // 2))
            if _matters(now, to):
                wait = self._wait(governed, at_s, self._calm_s(governed, share))
            if wait or not _matters(now, to):
                to = now
        elif now is not None and not _matters(now, share) and not self._eaten(governed):
            to = now
        after = knobs if to == now else held(governed.mapping, to)
        if after.enabled:
            after = grown(after, governed.original, governed.max_batch_size, fifo=governed.fifo)
        if after == knobs:
            return self._leave(governed, f"{why}; {wait}" if wait else why)
        return _turn(governed, after, why)

    def _wait(self, governed: Governed, at_s: float, calm_s: int) -> str:
        """Return what a raise has to wait for; empty: nothing."""
        if governed.busy:
            return "its last change has not settled yet"
        if not self._sure:
            return "nobody gets more while the ungoverned use is unknown"
        waited_s = governed.waited_s(at_s)
        return "" if waited_s >= calm_s else f"calm for {waited_s:.0f} of {calm_s} s"

    def _calm_s(self, governed: Governed, wanted: int) -> int:
        """Return for how long a mapping must not have been turned before it gets what is wanted.

        What noise moves comes in whole units, of others too: one of theirs may be many of ours.
        """
        now = units(governed.mapping.knobs)
        more = 0 if now is None else wanted - now
        parts = governed.claimant.parts
        unit = max((-(-self._heaviest[name] // weight) for name, weight in parts), default=1)
        return LONG_CALM_S if more > 0 and (more - unit) * 2 < (now or 0) else CALM_S

    def _eaten(self, governed: Governed) -> bool:
        """Whether a constraint on the mapping is exceeded if all run what they may."""
        return any(name in self._overspent for name, _ in governed.claimant.parts)

    def _why(self, governed: Governed, bound_by: str, share: int) -> str:
        mapping, limit = governed.mapping, max(0, self._limits[bound_by])
        if bound_by == ACCOUNT:
            text = self._budget
        elif bound_by.startswith("group:"):
            weight = dict(governed.claimant.parts)[bound_by]
            text = f"{bound_by} leaves {limit:,} to queues, of which an invocation takes {weight}"
        else:
            text = f"its own limit leaves {limit:,} to its queues"
        lowest = floor(mapping)
        if share == 0:
            text += f", where not even the lowest {lowest} at a time fit"
        elif share == lowest:
            text += f", {share:,} is the lowest that AWS takes"
        names = [name for name in self._bound[bound_by] if name != mapping.function][:_NAMED]
        others = self._count[bound_by] - 1
        if not names:
            return f"{text}, which leaves {limit:,} to queues" if bound_by == ACCOUNT else text
        more = f" and {others - len(names):,} more" if others > len(names) else ""
        return f"{text}, shares {limit:,} with {', '.join(names)}{more}"

    @staticmethod
    def _leave(governed: Governed, why: str) -> NonAction:
        mapping = governed.mapping
        return NonAction(mapping.uuid, f"{mapping.function}: stays {shown(mapping.knobs)}: {why}")


def _matters(before: int, after: int) -> bool:
    """Whether a change is worth a call: by two, or by a tenth."""
    difference = abs(after - before)
    return difference > 1 or difference * 10 >= max(1, before)


def _turn(governed: Governed, after: Knobs, why: str) -> Turn:
    mapping = governed.mapping
    return Turn(
        mapping=mapping.uuid,
        arn=mapping.arn,
        function=mapping.function,
        before=mapping.knobs,
        after=after,
        original=governed.original,
        reason=f"{change(mapping.function, mapping.knobs, after)}: {why}",
    )


def turned(turn: Turn, at_s: float) -> Turned:
    """Return what to remember of `turn` once it is sent."""
    return Turned(turn.original, turn.before, turn.after, at_s)
