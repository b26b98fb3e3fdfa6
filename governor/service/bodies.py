"""The shapes of requests and answers: they validate, and the API's description is made of them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from governor.controller.report import Report
from governor.model import ACCOUNT, MAX_TTL_MS, MAX_WAIT_MS, Mode, Priority
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

StaticFile = Annotated[str, Meta(pattern=r"^[a-z][a-z_-]{0,40}\.(css|js|svg)$(?!\n)")]


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


class EntryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How to treat a change of limits."""

    dry_run: Annotated[
        bool, Meta(description="Answer with what would stand then, and change nothing.")
    ] = False


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
    priority: Annotated[Priority | None, Meta(description="Of a function; null: it is none.")]
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


class PriorityInUse(Struct, frozen=True):
    """What is in use in the account, by the priority that its functions have by now."""

    user_facing: int
    background: int


class StatusAnswer(Struct, frozen=True):
    """The whole pool at a glance."""

    now_ms: Annotated[int, Meta(description="By the store's clock, ms since 1970.")]
    in_use: PriorityInUse
    scopes: list[ScopeStatus]
    store: StoreStatus
    controller: ControllerStatus


class StreamQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What to send once a second."""

    changes: Annotated[
        bool, Meta(description="After the first `status`, send `changes` since the event before.")
    ] = False


class ChangesAnswer(Struct, frozen=True):
    """What is no longer as the event before had it."""

    now_ms: int
    in_use: PriorityInUse
    scopes: Annotated[list[ScopeStatus], Meta(description="Those that are new or have changed.")]
    gone: Annotated[list[str], Meta(description="Scopes of which nothing is known any more.")]
    store: StoreStatus
    controller: Annotated[ControllerStatus | None, Meta(description="null: as before.")]


class HistoryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose last hour to show."""

    scope: Scope = ACCOUNT


class SampleAnswer(Struct, frozen=True):
    """The account at one moment."""

    at_ms: int
    user_facing: int
    background: int
    max_concurrency: int | None
    headroom: int


class HistoryAnswer(Struct, frozen=True):
    """The last hour of a scope, oldest first."""

    scope: str
    step_ms: int
    since_ms: Annotated[int, Meta(description="When the first step begins, by the store's clock.")]
    peaks: Annotated[
        list[int], Meta(description="Highest in_use in each step; the last one still runs.")
    ]
    samples: Annotated[
        list[SampleAnswer],
        Meta(description="Of the account: one in each step, as far as a service ran. Else none."),
    ]


class DenialsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose denials to list."""

    scope: Annotated[Scope | None, Meta(description="Absent: those of all scopes.")] = None


class FunctionDenials(Struct, frozen=True):
    """What a scope has denied a function."""

    function: Annotated[
        str | None, Meta(description="null: those beyond the first 1,000 names in a minute.")
    ]
    denied: int
    shadow_denied: Annotated[int, Meta(description="Granted, as the scope is a shadow.")]
    last_ms: Annotated[int, Meta(description="The minute of the last one, ms since 1970.")]


class ScopeDenials(Struct, frozen=True):
    """What a scope has denied within the last hour, and to whom, the most denied first."""

    scope: str
    denied: int
    shadow_denied: int
    functions: list[FunctionDenials]


class DenialsAnswer(Struct, frozen=True):
    """Denials of the running minute and the 59 before it, most first; none: no entry."""

    scopes: list[ScopeDenials]


class HealthAnswer(Struct, frozen=True):
    """A healthy answer."""

    status: Literal["ok"] = "ok"
