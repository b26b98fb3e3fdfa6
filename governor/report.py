"""What the controller tells of itself: a document that the leader leaves in the store.

Whichever process of the pool is asked, `GET /v1/status` and the metrics show this one. Totals go on
when another leader takes over. Bounded: a pool with thousands of mappings has the same size of it.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

MOST_EVENTS: Final = 50
"""Events that are kept, the newest last."""

MOST_LISTED: Final = 50
"""Actions, and non-actions, of the last cycle that are listed."""

MOST_MAPPINGS: Final = 1000
"""Mappings that have figures of their own."""

Tally = dict[str, dict[str, int]]
"""How often what (an action, an API call) came to which outcome."""

State = Literal["acting", "paused", "dry_run", "disabled", "blind"]
EventKind = Literal["leader", "state", "action", "warning", "error"]


class Event(Struct, frozen=True):
    """Something that happened; what happens again and again is one event."""

    at_s: Annotated[float, Meta(description="Last time, by the store's clock, s since 1970.")]
    kind: EventKind
    text: str
    times: int = 1
    subject: Annotated[str, Meta(description="The mapping or function that was acted on.")] = ""
    arrived_s: Annotated[
        float | None,
        Meta(description="When AWS showed what an action had sent; null: not yet, or no action."),
    ] = None


class ActionReport(Struct, frozen=True):
    """An action of the last cycle and what became of it."""

    kind: Literal["turn", "brake", "ask_for_more"]
    subject: str
    outcome: Annotated[
        str, Meta(description="done, deferred, failed, or planned: it was not to be applied.")
    ]
    reason: str
    detail: str = ""


class NonActionReport(Struct, frozen=True):
    """What the last cycle left as it is, and why."""

    subject: str
    reason: str


class MappingReport(Struct, frozen=True):
    """A mapping of a background function."""

    mapping: str
    function: str
    allowed: Annotated[int | None, Meta(description="What AWS may run; null: as much as it likes.")]
    observed: Annotated[int, Meta(description="What runs of its function, by the ledger.")]
    messages: Annotated[
        int | None, Meta(description="What waits in its queue; null: not known.")
    ] = None
    oldest_s: Annotated[
        float | None,
        Meta(description="Age of the oldest of them a few minutes ago; null: none, or not known."),
    ] = None


class BudgetReport(Struct, frozen=True):
    """How the account's concurrency is spoken for."""

    limit: int
    headroom: int
    user_facing: Annotated[int, Meta(description="Highest demand of late.")]
    ungoverned: Annotated[int, Meta(description="What runs and does not check in.")]
    other: Annotated[int, Meta(description="Background work that no turned queue feeds.")]
    background: Annotated[int, Meta(description="What is left to the queues.")]


class Report(Struct, frozen=True, kw_only=True):
    """The last cycle, and what happened before it."""

    state: Annotated[
        State,
        Meta(
            description="acting; paused by an admin; dry_run: plans only; disabled by the policy; "
            "blind: the account can't be observed, so nothing is changed."
        ),
    ] = "blind"
    at_s: Annotated[float, Meta(description="Its end, by the store's clock, s since 1970.")] = 0.0
    cycle_s: Annotated[float, Meta(description="How long it took.")] = 0.0
    budget: Annotated[BudgetReport | None, Meta(description="null: it is not known.")] = None
    drift: Annotated[int, Meta(description="Mappings that someone else has changed.")] = 0
    mappings: tuple[MappingReport, ...] = ()
    actions: tuple[ActionReport, ...] = ()
    non_actions: tuple[NonActionReport, ...] = ()
    missing: Annotated[tuple[str, ...], Meta(description="What could not be read.")] = ()
    action_totals: Tally = field(default_factory=dict)
    confirmation_totals: dict[str, int] = field(default_factory=dict)
    call_totals: Tally = field(default_factory=dict)
    events: tuple[Event, ...] = ()


def read(document: bytes | None) -> Report:
    """Return the report in `document`; an empty one if there is none, or none that we can read.

    A report is there to be looked at: one of another release is no reason to stop.
    """
    try:
        return msgspec.json.decode(document, type=Report) if document else Report()
    except msgspec.DecodeError:
        return Report()
