"""The library and the reference ledger, side by side through random histories: no difference."""

import asyncio
import gc
import os
from collections import defaultdict
from collections.abc import Coroutine
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from governor.ledger.chronicle_store import ChronicleStore
from governor.ledger.client import PolicyChanged, Woken
from governor.ledger.keys import pool_keys
from governor.ledger.reference import Queued, ReferenceLedger
from governor.model import (
    ACCOUNT,
    Acquire,
    Mode,
    Operation,
    Priority,
    Release,
    Renew,
    function_scope,
)
from governor.policy import Account, Defaults, Function, Group, Members, Policy
from governor.resolver import Resolver
from tests.ledger.clock import CLOCKED, Clock
from tests.ledger.replica import Inbox, Replica

T = TypeVar("T")

SOAK = "SOAK" in os.environ
PROFILE = settings(
    max_examples=3000 if SOAK else 150,
    stateful_step_count=100 if SOAK else 50,
    deadline=None,
    derandomize=not SOAK,
    database=None,
    suppress_health_check=list(HealthCheck),
)

IDS = [f"lease-{number}" for number in range(12)]
FUNCTIONS = ["api", "etl-load", "etl-clean", "sync", "never-heard-of"]

STEPS_UNDER_A_POLICY = 12

limits = st.none() | st.integers(0, 6)
modes = st.sampled_from([Mode.ENFORCE] * 4 + [Mode.SHADOW])
priorities = st.sampled_from(Priority)
ids = st.sampled_from(IDS)
functions = st.sampled_from(FUNCTIONS)
ttls = st.sampled_from([1, 5, 100, 30_000, 600_000, 1_200_000])
moments = st.sampled_from([1, 2, 4, 99])
whiles = st.sampled_from([3000, 9999, 10_000, 61_000, 1_200_001, 3_590_000, 4_000_000])

operations = st.one_of(
    st.builds(
        Acquire, ids, functions, ttls, st.integers(1, 3), st.sampled_from([0, 0, 1, 900_000])
    ),
    st.builds(Acquire, ids, functions, ttls, wait_ms=st.sampled_from([5000, 900_000])),
    st.builds(Renew, ids, functions, ttls),
    st.builds(Release, ids),
    st.builds(Release, ids),
)

own_functions = st.builds(
    Function,
    max_concurrency=limits,
    priority=st.none() | priorities,
    groups=st.dictionaries(st.sampled_from(["etl", "orders-db"]), st.integers(1, 3)),
    mode=modes,
    max_attempts=st.sampled_from([None, None, 3]),
    shared=st.sampled_from([True, True, True, False]),
)
groups = st.builds(
    Group,
    max_concurrency=limits,
    headroom=st.integers(0, 3),
    mode=modes,
    members=st.just(Members(functions=("etl-*",))) | st.just(Members()),
)
# Each policy names the same scopes: what becomes of one that is no longer named is no rule that
# the reference has, see test_memory.py.
policies = st.builds(
    Policy,
    account=st.builds(Account, max_concurrency=limits, headroom=st.integers(0, 3), mode=modes),
    defaults=st.builds(Defaults, priority=priorities),
    groups=st.fixed_dictionaries({"etl": groups, "orders-db": groups}),
    functions=st.fixed_dictionaries(dict.fromkeys(FUNCTIONS[:-1], own_functions)),
)


class LedgerMachine(RuleBasedStateMachine):
    """Does the same to a ledger in the store and to the reference."""

    def __init__(self, runner: asyncio.Runner, url: str, store: Redis, pool: str) -> None:
        """Begin with an empty pool and the empty policy."""
        super().__init__()
        store.delete(*pool_keys(pool))
        self.runner = runner
        self.clock = Clock(store)
        self.replica = Replica(url, pool, CLOCKED)
        self.run(self.replica.policies.refresh())
        self.inbox = Inbox(self.replica.ledger)
        self.run(self.inbox.__aenter__())
        self.reference = ReferenceLedger(self.replica.policies.resolver)
        self.steps = 0

    def run(self, doing: Coroutine[None, None, T]) -> T:
        """Await. What hypothesis remembers makes a collection as long as the client's patience."""
        gc.disable()
        try:
            return self.runner.run(doing)
        finally:
            gc.enable()

    def teardown(self) -> None:
        """Leave no connection open."""
        self.run(self.inbox.__aexit__())
        self.run(self.replica.ledger.close())

    @rule(todo=st.lists(operations, max_size=6), pause_ms=moments)
    def exchange_soon(self, todo: list[Operation], pause_ms: int) -> None:
        """Perform operations a moment later."""
        self.exchange(todo, pause_ms)

    @rule(todo=st.lists(operations, max_size=6), pause_ms=moments)
    def exchange_as_soon(self, todo: list[Operation], pause_ms: int) -> None:
        """Do it twice as often as what follows."""
        self.exchange(todo, pause_ms)

    @rule(todo=st.lists(operations, max_size=6), pause_ms=whiles)
    def exchange_later(self, todo: list[Operation], pause_ms: int) -> None:
        """Perform operations a good while later."""
        self.exchange(todo, pause_ms)

    def exchange(self, todo: list[Operation], pause_ms: int) -> None:
        """Perform operations: the same answers, the same waiting grants."""
        self.steps += 1
        self.clock.advance(pause_ms)
        expired_before = self.expired()
        exchange = self.run(self.replica.exchange(*todo))
        assert exchange.answers == self.reference.exchange(todo, self.clock.now_ms)
        assert exchange.now_ms == self.clock.now_ms
        expired = {name: now - expired_before[name] for name, now in self.expired().items()}
        assert exchange.expired == {name: count for name, count in expired.items() if count}
        if ends := self.ends():
            assert exchange.next_end_ms is not None
            assert exchange.next_end_ms <= min(ends)
        woken, given_up = self.reference.woken, self.reference.given_up
        news = [self.run(self.inbox.next()) for _ in range(len(woken) + len(given_up))]
        of_none = [Woken(id_, None, None) for id_ in given_up]
        assert [each for each in news if each in of_none] == of_none
        assert [each for each in news if each not in of_none] == [
            Woken(granted.id, granted.expires_at_ms, granted.shadow_denied_by) for granted in woken
        ]
        woken.clear()
        given_up.clear()

    @initialize(policy=policies)
    def begin(self, policy: Policy) -> None:
        """Set the first policy."""
        self.change_policy(policy)

    @precondition(lambda self: self.steps > STEPS_UNDER_A_POLICY)
    @rule(policy=policies)
    def change_policy(self, policy: Policy) -> None:
        """Set another policy; it holds from the next exchange on."""
        self.steps = 0
        before = self.replica.policies.policy
        self.run(self.replica.set_policy(policy))
        if before != policy:
            assert self.run(self.inbox.next()) == PolicyChanged()
        self.reference.resolver = Resolver(policy)

    @invariant()
    def same_leases(self) -> None:
        """Who holds what is the same in both."""
        assert self.run(self.replica.leases()) == self.reference.leases

    @invariant()
    def same_counts(self) -> None:
        """So are all figures, peaks and totals among them."""
        counts = self.run(self.replica.ledger.counts(self.clock.now_ms))
        assert counts == self.reference.counts()
        chronicle = ChronicleStore(self.replica.ledger.store)
        peaks = self.run(chronicle.peaks(ACCOUNT, self.clock.now_ms))
        assert peaks == self.reference.peaks(ACCOUNT)

    @invariant()
    def in_use_is_the_sum_of_the_weights(self) -> None:
        """Whatever happened, a scope counts what its leases hold and nothing else."""
        counts = self.run(self.replica.ledger.counts(self.clock.now_ms))
        in_use = {name: count.in_use for name, count in counts.items() if count.in_use}
        assert in_use == self.held()

    @invariant()
    def nobody_waits_who_could_run(self) -> None:
        """The first in each queue has no room in the scope that denied it."""
        first: dict[str, Queued] = {}
        for queued in self.reference.queue.values():
            if queued.version == self.replica.policies.resolver.version:
                at = queued.denied_by
                first[at] = min(first.get(at, queued), queued, key=place)
        held = self.held()
        for scope, queued in first.items():
            limit = queued.claim.limits_of(scope).limit_for(queued.claim.priority)
            (weight,) = (hold.weight for hold in queued.claim.holds if hold.scope == scope)
            assert limit is not None
            assert held[scope] + weight > limit

    @invariant()
    def nothing_else_was_heard(self) -> None:
        """No news came that nobody expected."""
        assert not self.inbox.arrived()

    def held(self) -> dict[str, int]:
        """The summed weights of the leases, by scope."""
        held: defaultdict[str, int] = defaultdict(int)
        for lease in self.reference.leases.values():
            for scope, weight in lease.weights.items():
                held[scope] += weight
        return held

    def ends(self) -> list[int]:
        """When leases and waits end."""
        leases, queue = self.reference.leases.values(), self.reference.queue.values()
        return [lease.expires_at_ms for lease in leases] + [each.ends_at_ms for each in queue]

    def expired(self) -> dict[str, int]:
        """How many leases of each function have expired so far."""
        counts = self.reference.counts()
        return {
            name: counts[scope].expired if (scope := function_scope(name)) in counts else 0
            for name in FUNCTIONS
        }


def place(queued: Queued) -> tuple[bool, int]:
    """Where in its queue an acquire stands (rule 12)."""
    return queued.claim.priority is Priority.BACKGROUND, queued.ticket


@pytest.mark.timeout(3600 if SOAK else 120)
def test_library_and_reference_agree(store_url: str, store: Redis, pool: str) -> None:
    with asyncio.Runner() as runner:
        machine = partial(LedgerMachine, runner, store_url, store, pool)
        run_state_machine_as_test(machine, settings=PROFILE)  # type: ignore[arg-type] # any factory
