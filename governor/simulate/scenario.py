"""What is simulated: an account, its functions, their traffic, and the policies to compare.

A scenario is a TOML file. Times are in seconds from its begin unless a name says `_ms`.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from governor.model import Priority
from governor.policy import MAX_CONCURRENCY, Policy
from governor.validation import FunctionName, spelled

MAX_LENGTH_S: Final = 7 * 86_400

Seconds = Annotated[float, Meta(ge=0, le=MAX_LENGTH_S)]
Milliseconds = Annotated[float, Meta(ge=0.001, le=15 * 60_000)]
Rate = Annotated[float, Meta(ge=0, le=100_000, description="Arrivals per second.")]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Title = Annotated[
    str, spelled(r"[^\x00-\x1f\x7f-\x9f]*", "text without control characters", max_length=200)
]
File = Annotated[str, Meta(min_length=1, max_length=1000, description="Beside the scenario.")]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the scenario."""


class Poisson(_Part, frozen=True, tag_field="kind", tag="poisson"):
    """Arrivals at random, at a steady rate."""

    rate: Rate


class Diurnal(_Part, frozen=True, tag_field="kind", tag="diurnal"):
    """A rate that swings around its mean as a sine, highest at `peak_s`."""

    rate: Rate
    swing: Annotated[float, Meta(ge=0, le=1)] = 0.5
    period_s: Annotated[float, Meta(gt=0, le=MAX_LENGTH_S)] = 86_400
    peak_s: Seconds = 0


class Step(_Part, frozen=True, tag_field="kind", tag="step"):
    """A rate from one time to another; it rises and falls over `ramp_s`."""

    rate: Rate
    from_s: Seconds = 0
    until_s: Seconds = MAX_LENGTH_S
    ramp_s: Seconds = 0


class BurstAt(_Part, frozen=True, tag_field="kind", tag="burst"):
    """So many at once, or spread evenly over `over_s`; with `every_s` again and again."""

    count: Count
    at_s: Seconds = 0
    over_s: Seconds = 0
    every_s: Annotated[float, Meta(ge=1, le=MAX_LENGTH_S)] | None = None


class Recorded(_Part, frozen=True, tag_field="kind", tag="recorded"):
    """What a CSV file says: timestamps, or minutes with counts (see `recorded`)."""

    file: File


Arrivals = Poisson | Diurnal | Step | BurstAt | Recorded


class Lognormal(_Part, frozen=True, tag_field="kind", tag="lognormal"):
    """Durations of which half are below `p50_ms`, and one in a hundred above `p99_ms`."""

    p50_ms: Milliseconds
    p99_ms: Milliseconds


class Fixed(_Part, frozen=True, tag_field="kind", tag="fixed"):
    """Always the same duration."""

    ms: Milliseconds


class RecordedDurations(_Part, frozen=True, tag_field="kind", tag="recorded"):
    """Durations drawn from a file of milliseconds, one a line."""

    file: File


Duration = Lognormal | Fixed | RecordedDurations


class ApiSource(_Part, frozen=True, tag_field="kind", tag="api"):
    """Callers who wait for an answer, and try a 429 again."""

    retries: Annotated[int, Meta(ge=0, le=20)] = 2
    retry_ms: Annotated[float, Meta(gt=0, le=60_000)] = 200
    """Before the first retry; twice as long before each further one."""


class SqsSource(_Part, frozen=True, tag_field="kind", tag="sqs"):
    """A queue and its event-source mapping."""

    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 10
    visibility_s: Annotated[float, Meta(gt=0, le=43_200)] = 180
    max_receive_count: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """Absent: there is no dead-letter queue."""
    max_concurrency: Annotated[int, Meta(ge=2, le=1000)] | None = None
    """How the mapping stands before anyone turns it."""


class AsyncSource(_Part, frozen=True, tag_field="kind", tag="async"):
    """Events of S3, SNS or EventBridge, which Lambda itself retries."""


Source = ApiSource | SqsSource | AsyncSource


class FunctionEntry(_Part, frozen=True):
    """A function, or a family of `count` equal ones: `name-1`, `name-2` and so on."""

    priority: Priority
    duration: Duration
    source: Source
    arrivals: tuple[Arrivals, ...]
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    cold_start: Duration = Lognormal(p50_ms=400, p99_ms=1500)
    timeout_s: Annotated[float, Meta(gt=0, le=900)] = 30
    error_rate: Annotated[float, Meta(ge=0, le=1)] = 0
    """Part of its invocations that fail by themselves."""
    reserved: Annotated[int, Meta(ge=0, le=MAX_CONCURRENCY)] | None = None
    """Reserved concurrency under the policy `reserved`."""
    sqs_max: Annotated[int, Meta(ge=2, le=1000)] | None = None
    """MaximumConcurrency under the policy `sqs-max`."""
    policy: dict[str, object] = field(default_factory=dict)
    """What the governor's policy says of it, but for its priority, which is the entry's."""


class Account(_Part, frozen=True):
    """The account's pool."""

    limit: Annotated[int, Meta(ge=1, le=MAX_CONCURRENCY)] = 1000
    keep_warm_s: Annotated[float, Meta(gt=0, le=86_400)] = 600
    """How long an idle environment is kept. AWS says nothing of it; minutes have been measured."""


class Governor(_Part, frozen=True):
    """How the governor runs, and under which policy (the document's own structure)."""

    policy: dict[str, object] = field(default_factory=dict)
    check_in_ms: Annotated[float, Meta(ge=0, le=10_000)] = 2
    """What a check-in adds to an invocation."""
    denied_ms: Annotated[float, Meta(ge=0, le=10_000)] = 5
    """How long a denied invocation holds its slot, once its environment runs."""


class Head(_Part, frozen=True):
    """Everything but the functions."""

    length_s: Annotated[float, Meta(gt=0, le=MAX_LENGTH_S)]
    title: Title = ""
    drain_s: Seconds = 3600
    """How much longer it may take until all is done that came within `length_s`."""
    seeds: Annotated[int, Meta(ge=1, le=1000)] = 5
    account: Account = Account()
    governor: Governor = Governor()


class Function(Struct, frozen=True):
    """One function; `family` is the entry that it comes from."""

    name: FunctionName
    family: str
    entry: FunctionEntry


class Scenario(Struct, frozen=True):
    """A scenario that was checked; files are looked for in `folder`."""

    name: str
    folder: str
    head: Head
    functions: tuple[Function, ...]
    policy: Policy
    """The governor's, with every function."""


PolicyName = Literal["none", "reserved", "sqs-max", "governor", "oracle"]
