"""What the controller sees of the account in one cycle. Values only.

A snapshot may be partial: what could not be read is None or absent, and `missing` says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import Raw

from governor.model import ScopeCount

FLOOR: Final = 2
"""Lowest MaximumConcurrency that AWS takes for a mapping (API reference, ScalingConfig)."""

CEILING: Final = 1000
"""Highest MaximumConcurrency that AWS takes for a mapping (API reference, ScalingConfig)."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """The settings of an event-source mapping that the controller may turn.

    A mapping in provisioned mode has `max_pollers` and can't have `max_concurrency`; one in
    on-demand mode has no `max_pollers`, and `max_concurrency` None: AWS does not limit it.
    """

    enabled: bool = True
    max_concurrency: int | None = None
    max_pollers: int | None = None
    batch_size: int = 10
    window_s: int = 0


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """An SQS queue that feeds a function.

    `settled` is false while AWS still applies an update (State other than Enabled and Disabled).
    `original` is how the mapping stood before the controller's first change, from its tag; None:
    the controller has changed nothing.
    """

    uuid: str
    arn: str
    function: str
    queue: str
    knobs: Knobs
    settled: bool = True
    min_pollers: int | None = None
    original: Knobs | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue. `max_receive_count` None: it has no dead-letter queue.

    `oldest_age_s` is CloudWatch's, some minutes old; None: nothing waits, or it is not known.
    """

    arn: str
    visible: int
    in_flight: int
    oldest_age_s: float | None = None
    max_receive_count: int | None = None
    fifo: bool = False


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """What AWS says of a function; concurrency and duration are CloudWatch's, of some minutes.

    `braked` says that `reserved` is the controller's own (a tag says so); before its first change
    it was `original_reserved`.
    """

    name: str
    timeout_s: int
    reserved: int | None = None
    braked: bool = False
    original_reserved: int | None = None
    provisioned: int = 0
    concurrency: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The account's concurrency: its limit, and what is left of that for all to share.

    `unreserved` is net of reserved and of provisioned concurrency.
    """

    limit: int
    unreserved: int
    quota_request: "QuotaRequest | None" = None


@dataclass(frozen=True, slots=True)
class QuotaRequest:
    """A request for a higher limit, as Service Quotas has it (`status` is AWS's word)."""

    id: str
    status: str
    desired: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One snapshot.

    `at_s` is the store's time, in seconds since 1970. `mappings` None: they could not be read,
    which is not the same as none. `scopes` are the ledger's counts, empty until something checks
    in. `ungoverned` is the concurrency that CloudWatch sees in the account's shared pool and the
    ledger does not count; None: unknown.
    `tags` are all functions' tags, as facts keep them, in the cycle that has read the last of them;
    in all others None.
    `missing` has one sentence for each part that could not be read. `unasked` is in how many places
    an original may stand that is not known yet: further snapshots ask there.
    """

    at_s: float
    account: AccountFacts | None = None
    mappings: tuple[EventSourceMapping, ...] | None = ()
    queues: Mapping[str, Queue] = field(default_factory=dict)
    functions: Mapping[str, FunctionFacts] = field(default_factory=dict)
    scopes: Mapping[str, ScopeCount] = field(default_factory=dict)
    ungoverned: int | None = 0
    missing: tuple[str, ...] = ()
    unasked: int = 0
    tags: dict[str, Raw] | None = None
