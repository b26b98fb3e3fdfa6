"""What a plan says: actions and non-actions, each with its reason. Values only."""

from dataclasses import dataclass
from enum import StrEnum

from governor.controller.observed import Knobs


@dataclass(frozen=True, slots=True)
class Turn:
    """Turn a mapping's knobs. `original` is what `restore` goes back to."""

    mapping: str
    arn: str
    function: str
    before: Knobs
    after: Knobs
    original: Knobs
    reason: str

    @property
    def restores(self) -> bool:
        """Whether the mapping is then as it was before the controller's first change."""
        return self.after == self.original


@dataclass(frozen=True, slots=True)
class Brake:
    """Set a function's reserved concurrency, or with None remove it."""

    function: str
    before: int | None
    after: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class AskForMore:
    """Request a higher account limit of Service Quotas (`L-B99A9384`)."""

    desired: int
    reason: str


Action = Turn | Brake | AskForMore


@dataclass(frozen=True, slots=True)
class NonAction:
    """What is left as it is: a mapping, a function or the account, and why."""

    subject: str
    reason: str


class Result(StrEnum):
    """What became of an action: done (AWS took it), deferred (try again later) or failed."""

    DONE = "done"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action. `detail` is a sentence where there is more to say, else empty.

    An action that AWS may have taken without saying so counts as done: the next snapshot shows it.
    """

    result: Result
    detail: str = ""
