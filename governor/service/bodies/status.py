"""The pool at a glance: its scopes, its store, its controller."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from governor.model import Mode, Priority
from governor.report import Report


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
    maxmemory_policy: Annotated[
        str,
        Meta(
            description="What it does when its memory is full: `noeviction`, or it may drop leases "
            "and limits. Empty if it does not say."
        ),
    ]


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


class UnavailableEvent(Struct, frozen=True):
    """Why the stream has nothing to tell at the moment."""

    detail: str


class HealthAnswer(Struct, frozen=True):
    """A healthy answer."""

    status: Literal["ok"] = "ok"
