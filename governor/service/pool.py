"""The pool as it is now: limits and counts joined, for status, stream and metrics."""

import asyncio
from dataclasses import dataclass
from typing import Final

from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore
from governor.ledger.policy_store import PolicyStore
from governor.model import Limits, Priority, ScopeCount
from governor.policy import Policy
from governor.report import read
from governor.service.bodies.status import (
    ChangesAnswer,
    ControllerStatus,
    PriorityInUse,
    ScopeStatus,
    StatusAnswer,
    StoreStatus,
)
from governor.service.checkins import CheckIns

SHARED_FOR_S: Final = 0.5
"""How long those who watch are shown the same look."""

_NOTHING: Final = ScopeCount()
_UNLIMITED: Final = Limits()


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool at one moment.

    `limits` of every scope that the policy or a wish names, `counts` of all that have any, `rows`
    of both.
    """

    now_ms: int
    in_use: PriorityInUse
    limits: dict[str, Limits]
    counts: dict[str, ScopeCount]
    rows: dict[str, ScopeStatus]
    controller: ControllerStatus

    def status(self, store: StoreStatus) -> StatusAnswer:
        """Return all of it."""
        return StatusAnswer(
            self.now_ms, self.in_use, list(self.rows.values()), store, self.controller
        )

    def since(self, before: "Pool", store: StoreStatus) -> ChangesAnswer:
        """Return what is not as it was `before`."""
        return ChangesAnswer(
            now_ms=self.now_ms,
            in_use=self.in_use,
            scopes=[row for scope, row in self.rows.items() if before.rows.get(scope) is not row],
            gone=[scope for scope in before.rows if scope not in self.rows],
            store=store,
            controller=None if self.controller == before.controller else self.controller,
        )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a look, and what they were made of: the next look takes over what still holds."""

    policy: Policy
    limits: dict[str, Limits]
    counts: dict[str, ScopeCount]
    rows: dict[str, ScopeStatus]

    def next(self, policy: Policy, counts: dict[str, ScopeCount]) -> "_Rows":
        """Join limits and counts: the policy's scopes first, then the others by name."""
        same_policy = policy is self.policy
        limits = self.limits if same_policy else dict(policy.scopes())
        rows: dict[str, ScopeStatus] = {}
        for scope in (*limits, *sorted(counts.keys() - limits.keys())):
            before, count = self.rows.get(scope), counts.get(scope, _NOTHING)
            if before and same_policy and self.counts.get(scope, _NOTHING) is count:
                rows[scope] = before
            else:
                row = _row(scope, limits.get(scope, _UNLIMITED), count, policy)
                rows[scope] = before if before == row else row
        return _Rows(policy, limits, counts, rows)


def _row(scope: str, limits: Limits, count: ScopeCount, policy: Policy) -> ScopeStatus:
    return ScopeStatus(
        scope=scope,
        priority=_priority(scope, policy),
        in_use=count.in_use,
        max_concurrency=limits.max_concurrency,
        headroom=limits.headroom,
        mode=limits.mode,
        peak=count.peak,
        granted=count.granted,
        denied=count.denied,
        shadow_denied=count.shadow_denied,
        overruns=count.overruns,
        expired=count.expired,
    )


def _priority(scope: str, policy: Policy) -> Priority | None:
    kind, _, name = scope.partition(":")
    return policy.priority_of(name) if kind == "function" else None


class Watch:
    """Looks at the pool. What did not change from one look to the next is the same object."""

    def __init__(
        self,
        ledger: LedgerClient,
        policies: PolicyStore,
        check_ins: CheckIns,
        controller: ControllerStore,
    ) -> None:
        """Look at what these have."""
        self._ledger = ledger
        self._policies = policies
        self._check_ins = check_ins
        self._controller = controller
        self._rows = _Rows(Policy(), {}, {}, {})
        self._looking = asyncio.Lock()
        self._shared: tuple[float, Pool] | None = None

    async def look(self) -> Pool:
        """Look now. Raises `StoreUnavailableError`."""
        now_ms = await self._check_ins.sweep()
        await self._policies.refresh()
        rules = self._policies.resolver
        counts = await self._ledger.counts(now_ms)
        self._rows = rows = self._rows.next(rules.effective, counts)
        in_use = {scope: count.in_use for scope, count in counts.items()}
        by_priority = rules.by_priority(in_use)
        return Pool(
            now_ms,
            PriorityInUse(by_priority[Priority.USER_FACING], by_priority[Priority.BACKGROUND]),
            rows.limits,
            counts,
            rows.rows,
            await self._standing(now_ms),
        )

    async def shared_look(self) -> Pool:
        """Look now, or take a look that is hardly older: any number may watch for the cost of one.

        Raises `StoreUnavailableError`.
        """
        time = asyncio.get_running_loop().time
        async with self._looking:
            if self._shared is None or self._shared[0] < time() - SHARED_FOR_S:
                began = time()
                self._shared = began, await self.look()
            return self._shared[1]

    async def store(self) -> StoreStatus:
        """Ask the store what it is. Raises `StoreUnavailableError`."""
        facts = await self._ledger.facts()
        return StoreStatus(
            self._ledger.url,
            facts.server,
            facts.version,
            facts.used_memory_bytes,
            facts.maxmemory_policy,
        )

    async def _standing(self, now_ms: int) -> ControllerStatus:
        found = await self._controller.standing(now_ms)
        return ControllerStatus(
            enabled=self._policies.policy.controller.enabled,
            paused=found.paused,
            leader=found.leader,
            report=None if found.status is None else read(found.status),
        )
