"""The last hour: how full a scope was, and whom it denied."""

from typing import Annotated

from msgspec import Meta, Struct

from governor.model import ACCOUNT
from governor.validation import Scope


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
