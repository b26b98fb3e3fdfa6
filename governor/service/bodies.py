"""The shapes of requests and answers: they validate, and the API's description is made of them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from governor.controller.report import Report
from governor.model import MAX_TTL_MS, MAX_WAIT_MS, Mode
from governor.policy import Function, Group
from governor.service.problems import Problem
from governor.validation import FunctionName, LeaseId

TtlMs = Annotated[int, Meta(ge=1, le=MAX_TTL_MS, description="Life of the lease from now, in ms.")]
WaitMs = Annotated[
    int, Meta(ge=0, le=MAX_WAIT_MS, description="How long to wait for a lease if denied, in ms.")
]
Attempt = Annotated[
    int, Meta(ge=1, le=1_000_000, description="Which delivery of its message this is, from 1.")
]
Scope = Annotated[
    str,
    Meta(
        pattern=r"^(account|(function|group):[A-Za-z0-9_.-]{1,140})$(?!\n)",
        description="account, group:<name> or function:<name>.",
        examples=["group:etl"],
    ),
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


class HoldersQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which leases to list."""

    scope: Scope | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100


class FunctionsAnswer(Struct, frozen=True):
    """The functions that the policy names."""

    functions: dict[str, Function]


class GroupsAnswer(Struct, frozen=True):
    """The groups of the policy."""

    groups: dict[str, Group]


class FactsAnswer(Struct, frozen=True):
    """What the controller has learned from AWS; the policy goes before it."""

    max_attempts: Annotated[
        dict[str, int],
        Meta(description="By function: the lowest maxReceiveCount of its queues."),
    ]
    unshared: Annotated[
        list[str], Meta(description="Functions with reserved concurrency of their own.")
    ]


class PolicyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How to treat a new policy."""

    dry_run: Annotated[bool, Meta(description="Answer with the changes and make none.")] = False


class ChangeAnswer(Struct, frozen=True):
    """One difference between the policy as it stood and the new one."""

    path: str
    before: Any
    after: Any


class PolicyAnswer(Struct, frozen=True):
    """What a new policy changes."""

    applied: bool
    changes: list[ChangeAnswer]


class ScopeStatus(Struct, frozen=True):
    """A scope's limits and counts."""

    scope: str
    in_use: int
    max_concurrency: int | None
    headroom: int
    mode: Mode
    peak: Annotated[int, Meta(description="Highest in_use of the last hour.")]
    granted: int
    denied: int
    shadow_denied: int
    overruns: int
    expired: int


class StoreStatus(Struct, frozen=True):
    """The store behind the ledger."""

    url: str
    server: str
    version: str
    used_memory_bytes: int


class ControllerStatus(Struct, frozen=True):
    """The controller of this pool."""

    enabled: Annotated[bool, Meta(description="By the policy: its kill switch.")]
    paused: Annotated[bool, Meta(description="By an admin: it plans and applies nothing.")]
    leader: Annotated[str | None, Meta(description="The one that acts now; null: none runs.")]
    report: Annotated[Report | None, Meta(description="The leader's last cycle, and its events.")]


class PausedAnswer(Struct, frozen=True):
    """Whether the controller is paused."""

    paused: bool


class StatusAnswer(Struct, frozen=True):
    """The whole pool at a glance."""

    scopes: list[ScopeStatus]
    store: StoreStatus
    controller: ControllerStatus


class HealthAnswer(Struct, frozen=True):
    """A healthy answer."""

    status: Literal["ok"] = "ok"
