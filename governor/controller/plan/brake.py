"""The brake: reserved concurrency for a while, where no queue can be held back. Pure.

A function that no mapping feeds is braked at its max_concurrency while it is saturated: what that
takes from the pool is in use anyway, and AWS keeps the events that it throttles for hours, whereas
a denial uses up one of two retries.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from governor.controller.actions import Brake, NonAction
from governor.controller.memory import Braked
from governor.controller.observed import FunctionFacts, Observed
from governor.controller.plan.budget import pooled
from governor.controller.plan.confirm import Confirmation, State, follow_brake, reserved
from governor.model import Mode, Priority, function_scope
from governor.resolver import Resolver

UNRESERVED_FLOOR: Final = 100
"""What AWS wants left unreserved (Lambda developer guide, reserved concurrency)."""

CALM_S: Final = 60
"""The brake comes off after this time with less than `CALM` of max_concurrency in use."""

CALM: Final = 0.8


@dataclass(frozen=True, slots=True)
class _Case:
    """A function, as the policy and the ledger see it; `limit` None: nothing to brake it at."""

    facts: FunctionFacts
    record: Braked | None
    limit: int | None
    in_use: int

    @property
    def saturated(self) -> bool:
        return self.limit is not None and self.in_use >= self.limit > 0


class Braking:
    """What to do about functions that no mapping feeds."""

    def __init__(
        self,
        resolver: Resolver,
        observed: Observed,
        records: Mapping[str, Braked],
        fed: Collection[str],
    ) -> None:
        """Decide on every function; those that are `fed` through a queue get no brake."""
        self.actions: list[Brake] = []
        self.non_actions: list[NonAction] = []
        self.confirmations: list[Confirmation] = []
        self.records: dict[str, Braked] = {}
        self._at_s = observed.at_s
        if observed.missing:  # what could not be read is remembered until it can be
            self.records |= {
                name: record for name, record in records.items() if name not in observed.functions
            }
        saturated = []
        for name, facts in sorted(observed.functions.items()):
            record = self._followed(facts, records.get(name))
            count = observed.scopes.get(function_scope(name))
            limit = None if name in fed else _limit(resolver, facts)
            case = _Case(facts, record, limit, count.in_use if count else 0)
            if any(each.subject == name for each in self.non_actions[-1:]):
                continue
            if record is not None and not case.saturated:
                self._release(case, record)
            elif case.saturated:
                saturated.append(case)
        spare = (observed.account.unreserved if observed.account else 0) - UNRESERVED_FLOOR
        for case in sorted(saturated, key=lambda case: -case.in_use):
            spare -= self._set(case, max(0, spare))

    def _followed(self, facts: FunctionFacts, before: Braked | None) -> Braked | None:
        """Return what is now known of a function's brake; while it must wait, say so."""
        record, confirmation = follow_brake(facts, before, self._at_s)
        if record is not None:
            self.records[facts.name] = record
        if confirmation is not None:
            self.confirmations.append(confirmation)
        if record is not None and record.theirs is not None:
            self._leave(facts.name, f"somebody else has set {reserved(facts.reserved)}: hands off")
        elif confirmation is not None and confirmation.state is State.PENDING:
            self._leave(facts.name, "its last change has not settled yet")
        return record

    def _release(self, case: _Case, record: Braked) -> None:
        """Take the brake off if nothing wants it any more, or after a calm minute."""
        name = case.facts.name
        if case.limit is None:
            self._send(case, record, record.original, "it is not to be braked any more")
            return
        use = f"{case.in_use:,} of {case.limit:,} in use"
        if case.in_use >= CALM * case.limit:
            self.records[name] = replace(record, calm_since_s=None)
            self._leave(name, f"stays braked: {use}")
            return
        since = self._at_s if record.calm_since_s is None else min(self._at_s, record.calm_since_s)
        record = self.records[name] = replace(record, calm_since_s=since)
        calm_s = self._at_s - since
        if calm_s >= CALM_S:
            self._send(case, record, record.original, f"{use} for {calm_s:.0f} s")
        else:
            self._leave(name, f"stays braked: {use} for {calm_s:.0f} of {CALM_S} s")

    def _set(self, case: _Case, spare: int) -> int:
        """Brake a saturated function; return how much that takes from what is unreserved."""
        name, now, limit = case.facts.name, case.facts.reserved, case.limit or 0
        extra = limit - (now or 0)
        use = f"{case.in_use:,} of {limit:,} in use"
        if extra == 0:
            self._leave(name, f"stays braked: {use}")
            return 0
        if extra > spare:
            floor = f"{UNRESERVED_FLOOR} must stay unreserved, and only {spare:,} more are"
            self._leave(name, f"no brake: {use}, but {floor}")
            return 0
        record = case.record or Braked(now, now, now, self._at_s)
        self._send(case, record, limit, f"{use}, and there is no queue to hold back")
        return extra

    def _send(self, case: _Case, record: Braked, to: int | None, why: str) -> None:
        name, now = case.facts.name, case.facts.reserved
        self.actions.append(
            Brake(name, now, to, f"{name}: {reserved(now)} → {reserved(to)}: {why}")
        )
        self.records[name] = replace(
            record, before=now, sent=to, at_s=self._at_s, calm_since_s=None
        )

    def _leave(self, name: str, why: str) -> None:
        self.non_actions.append(NonAction(name, f"{name}: {why}"))


def _limit(resolver: Resolver, facts: FunctionFacts) -> int | None:
    """Return what the function may be braked at; None: not at all."""
    claim = resolver.claim(facts.name)
    limits = claim.limits_of(function_scope(facts.name))
    if claim.priority is Priority.USER_FACING or limits.mode is Mode.SHADOW:
        return None
    return limits.max_concurrency if pooled(claim, facts) else None
