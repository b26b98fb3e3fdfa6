"""What a controller knows and would do now: the pool's policy and counts, the account, the plan."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from governor.controller.actions import Action, Outcome
from governor.controller.learn import learned
from governor.controller.memory import Memory
from governor.controller.observed import Observed
from governor.controller.plan import Plan, plan
from governor.errors import GovernorError
from governor.facts import Facts
from governor.ledger.chronicle_store import ChronicleStore
from governor.ledger.client import LedgerClient
from governor.ledger.policy_store import PolicyStore
from governor.model import ACCOUNT, ScopeCount
from governor.policy import Policy
from governor.resolver import Resolver


class NoPolicyError(GovernorError):
    """The store has no policy: it is new, or it has lost its data."""


class Account(Protocol):
    """An AWS account. Its methods block, and are called from one thread at a time."""

    @property
    def calls(self) -> Mapping[tuple[str, str], int]:
        """API calls so far, by operation and outcome."""

    def observe(
        self,
        scopes: Mapping[str, ScopeCount],
        at_s: float,
        peaks: Sequence[int] = (),
        *,
        quota: bool = True,
        every_original: bool = False,
    ) -> Observed:
        """Read the account; what can't be read is missing from the snapshot, and it says so.

        `peaks` are the ledger's of the account in each 10 s up to `at_s`, oldest first.
        `every_original`: there may be no memory, so go by nothing but the mappings themselves.
        """

    def apply(self, action: Action, until_s: float) -> Outcome:
        """Carry out one action, which takes some calls; begin none after `until_s` (monotonic)."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at everything, and the plan that follows from it."""

    resolver: Resolver
    observed: Observed
    plan: Plan


def before_headroom(policy: Policy) -> dict[str, int]:
    """Return what fits into each scope before user-facing functions live on its headroom."""
    return {
        scope: limits.max_concurrency - limits.headroom
        for scope, limits in policy.scopes()
        if limits.headroom and limits.max_concurrency is not None
    }


class Surveyor:
    """Reads what a plan is made of."""

    def __init__(self, ledger: LedgerClient, account: Account) -> None:
        """Look at the pool of `ledger` and at `account`."""
        self._ledger = ledger
        self._chronicle = ChronicleStore(ledger.store)
        self._policies = PolicyStore(ledger)
        self._account = account

    async def policy(self) -> Policy:
        """Return the pool's policy as it stands.

        Raises `NoPolicyError`: a controller has none of its own to bring, and must not put an empty
        one where the service is about to put back the right one. Raises `StoreUnavailableError`.
        """
        if await self._ledger.read_version() is None:
            raise NoPolicyError("the store has no policy yet; set one, or wait for the service")
        return await self._policies.refresh()

    async def counts(self) -> tuple[dict[str, ScopeCount], int]:
        """Return what the ledger counts by scope, and the store's time (ms)."""
        swept = await self._ledger.exchange(self._policies.resolver, [])
        assert swept is not None  # noqa: S101 - no operation, so no policy that could be old
        return await self._ledger.counts(swept.now_ms), swept.now_ms

    async def survey(self, memory: Memory) -> Survey:
        """Observe and plan under the policy that was last read; the event loop goes on meanwhile.

        Raises `StoreUnavailableError`, and what the account raises when it can't be asked at all.
        """
        resolver = self._policies.resolver
        counts, now_ms = await self.counts()
        peaks = await self._chronicle.peaks(ACCOUNT, now_ms)
        quota = resolver.policy.account.raise_ is not None
        observed = await asyncio.to_thread(
            self._account.observe, counts, now_ms / 1000, peaks, quota=quota
        )
        # Reading a large account takes seconds, in which users may have come.
        observed = replace(observed, scopes=(await self.counts())[0])
        planned = await asyncio.to_thread(plan, resolver, observed, memory)
        return Survey(resolver, observed, planned)

    async def learn(self, observed: Observed) -> None:
        """Have the ledger go by what AWS says of functions. Raises `StoreUnavailableError`."""
        await self._policies.learn(lambda known: learned(known, observed))

    async def forget(self) -> None:
        """Have the ledger go by the policy, and the tags that it asks for, alone.

        Raises `StoreUnavailableError`.
        """
        if await self._ledger.read_version() is not None:  # an emptied store knows nothing
            await self._policies.learn(lambda known: Facts(tags=known.tags))

    async def headroom_is_eaten_into(self) -> bool:
        """Whether any scope is so full that user-facing functions live on its headroom."""
        room = before_headroom(self._policies.policy)
        in_use = await self._ledger.in_use(room)
        return any(in_use[scope] > most for scope, most in room.items())
