"""The values that the rooms exchange: scopes, claims, the ledger's operations and its answers.

No I/O. The words are those of DESIGN section 2. What each check-in makes anew is a Struct: that
takes a tenth of a frozen dataclass's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from msgspec import Struct

ACCOUNT: Final = "account"
"""The scope of the pool that functions share."""

MAX_TTL_MS: Final = 20 * 60 * 1000
"""Longest life of a lease without renewal: Lambda's 15 min timeout and some grace."""

MAX_WAIT_MS: Final = 15 * 60 * 1000
"""Longest wait for a lease: no invocation lives longer (Lambda's timeout limit)."""


def function_scope(name: str) -> str:
    """Return the scope of the function `name`."""
    return f"function:{name}"


def group_scope(name: str) -> str:
    """Return the scope of the group `name`."""
    return f"group:{name}"


class Priority(StrEnum):
    """Whether users wait for a function. Only user-facing functions may take a headroom."""

    USER_FACING = "user-facing"
    BACKGROUND = "background"


class Mode(StrEnum):
    """Whether a scope denies, or only counts and reports what it would have denied."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Limits:
    """A scope's limits as the policy states them; absent `max_concurrency` = unlimited."""

    max_concurrency: int | None = None
    headroom: int = 0
    mode: Mode = Mode.ENFORCE

    def limit_for(self, priority: Priority) -> int | None:
        """Return how far functions of `priority` may fill the scope (rule 2)."""
        if self.max_concurrency is None:
            return None
        match priority:
            case Priority.USER_FACING:
                return self.max_concurrency
            case Priority.BACKGROUND:
                return max(0, self.max_concurrency - self.headroom)


@dataclass(frozen=True, slots=True)
class Hold:
    """What one invocation takes in one scope.

    `listed` says that the policy names the scope: its totals are kept when nothing runs in it.
    """

    scope: str
    weight: int = 1
    limits: Limits = field(default_factory=Limits)
    listed: bool = True


@dataclass(frozen=True)
class Claim:
    """Everything the ledger must know of a function: what its invocations hold, and its rank."""

    function: str
    priority: Priority
    holds: tuple[Hold, ...]
    max_attempts: int | None = None

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that an invocation holds in: function, groups by name, account."""
        return tuple(hold.scope for hold in self.holds)

    def limits_of(self, scope: str) -> Limits:
        """Return the limits of one of the claim's scopes."""
        return next(hold.limits for hold in self.holds if hold.scope == scope)


class Acquire(Struct, frozen=True):
    """Ask for a lease. With `wait_ms` > 0 a denied acquire queues for that long."""

    id: str
    function: str
    ttl_ms: int
    attempt: int = 1
    wait_ms: int = 0


class Renew(Struct, frozen=True):
    """Extend a lease to `ttl_ms` from now; an unknown one is reinstated (rule 6)."""

    id: str
    function: str
    ttl_ms: int


class Release(Struct, frozen=True):
    """Give a lease back, or leave the queue. Idempotent."""

    id: str


Operation = Acquire | Renew | Release


class Granted(Struct, frozen=True):
    """A lease, new or (when `replayed`) the one its id had already; times by the store's clock."""

    id: str
    function: str
    scopes: tuple[str, ...]
    expires_at_ms: int
    overrun: bool = False
    replayed: bool = False
    shadow_denied_by: str | None = None


class Denied(Struct, frozen=True):
    """No lease: the scope `denied_by` had no room. Nothing changed."""

    denied_by: str
    in_use: int
    limits: Limits


class Waiting(Struct, frozen=True):
    """No lease yet: the acquire queues at the scope `denied_by`."""

    denied_by: str


class Renewed(Struct, frozen=True):
    """The lease's new end. A lease that was released before stays released and ends now."""

    expires_at_ms: int
    reinstated: bool = False


class Released(Struct, frozen=True):
    """The lease is over. `function` is None when the id held nothing."""

    function: str | None


Answer = Granted | Denied | Waiting | Renewed | Released


class Lease(Struct, frozen=True):
    """Who holds what; times by the store's clock."""

    id: str
    function: str
    acquired_at_ms: int
    expires_at_ms: int
    overrun: bool
    weights: Mapping[str, int]
    """Weight by scope, as acquired (rule 8)."""


@dataclass(frozen=True, slots=True)
class ScopeCount:
    """What the ledger counts in one scope. Totals since the scope was first used."""

    in_use: int = 0
    peak: int = 0
    """Highest in_use of the last hour, in steps of 10 s."""
    granted: int = 0
    denied: int = 0
    shadow_denied: int = 0
    expired: int = 0
    overruns: int = 0
