"""Check-ins, renewals, and who holds what."""

from typing import Annotated

from msgspec import Meta, Struct

from governor.model import MAX_TTL_MS, MAX_WAIT_MS
from governor.service.problems import Problem
from governor.validation import FunctionName, LeaseId, Scope

TtlMs = Annotated[int, Meta(ge=1, le=MAX_TTL_MS, description="Life of the lease from now, in ms.")]
WaitMs = Annotated[
    int, Meta(ge=0, le=MAX_WAIT_MS, description="How long to wait for a lease if denied, in ms.")
]
Attempt = Annotated[
    int, Meta(ge=1, le=1_000_000, description="Which delivery of its message this is, from 1.")
]


class AcquireBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A check-in."""

    id: LeaseId
    function: FunctionName
    ttl_ms: TtlMs
    wait_ms: WaitMs = 0
    attempt: Attempt = 1


class RenewBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A sign of life of a running invocation."""

    function: FunctionName
    ttl_ms: TtlMs


class LeaseAnswer(Struct, frozen=True):
    """A lease."""

    id: str
    function: str
    expires_at_ms: Annotated[int, Meta(description="By the store's clock, ms since 1970.")]
    renew_every_ms: Annotated[int, Meta(description="Renew in such steps while the handler runs.")]
    scopes: tuple[str, ...]
    shadow_denied_by: Annotated[
        str | None, Meta(description="The shadow scope that would have denied, if one.")
    ]
    overrun: Annotated[bool, Meta(description="Granted above a limit, on purpose.")]


class DeniedProblem(Problem, frozen=True, kw_only=True, omit_defaults=True):
    """No lease: a scope has no room."""

    id: str
    function: str
    denied_by: str
    max_concurrency: int | None
    in_use: int
    retry_after_ms: int
    headroom: int = 0
    """What the scope keeps for user-facing functions, where the function is none."""


class RenewAnswer(Struct, frozen=True):
    """The lease's new end."""

    expires_at_ms: int
    reinstated: Annotated[
        bool, Meta(description="The ledger did not know the lease and counts it again.")
    ]


class HoldersQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which leases to list."""

    scope: Scope | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100


class HolderAnswer(Struct, frozen=True):
    """A lease that is held."""

    id: str
    function: str
    acquired_at_ms: int
    expires_at_ms: int
    overrun: bool
    weights: dict[str, int]


class HoldersAnswer(Struct, frozen=True):
    """Who holds what, oldest first."""

    leases: list[HolderAnswer]
