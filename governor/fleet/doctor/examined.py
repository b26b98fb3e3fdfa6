"""What an examination goes by: an account, its queues and networks, a policy, a governor. Values.

What could not be read is absent, and no rule finds anything by it; `missing` says what that is.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from governor.facts import Facts, packed
from governor.fleet.discovery import Discovery, Row
from governor.fleet.doctor.network import Interface, SecurityGroup
from governor.fleet.function import EventSourceMapping
from governor.fleet.function import Function as FunctionConfiguration
from governor.layer.variables import is_on
from governor.model import Mode, Priority
from governor.policy import Function, Policy
from governor.resolver import Resolver

_UNLISTED = Function()


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue. `max_receive_count` None: it has no dead-letter queue."""

    arn: str
    visibility_s: int
    max_receive_count: int | None = None
    dead_letter: str = ""
    """The ARN of its dead-letter queue."""

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.arn.rpartition(":")[2]

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps order."""
        return is_fifo(self.arn)


@dataclass(frozen=True, slots=True)
class Store:
    """The store of a governor, as its status has it; `maxmemory_policy` "": it does not say."""

    server: str
    version: str
    maxmemory_policy: str = ""


@dataclass(frozen=True, slots=True)
class Governor:
    """A running governor, as it answers from here.

    `silent`, `store_down`, `refused`: why it does not answer, has no store, or does not take the
    token; "" if it does. `roles` are the HTTP statuses of a reader's call with each of the tokens
    that functions have for it. `ahead_s` and `store_ahead_s` say how far its clock and its store's
    are ahead of this machine's.
    """

    url: str
    silent: str = ""
    store_down: str = ""
    refused: str = ""
    wants_token: bool = False
    roles: Mapping[str, int] = field(default_factory=dict)
    policy: Policy | None = None
    store: Store | None = None
    has_leader: bool = False
    """Whether a controller leads."""
    max_attempts: Mapping[str, int] = field(default_factory=dict)
    unshared: frozenset[str] = frozenset()
    """It and the one before: what a controller has learned of functions."""
    ahead_s: float | None = None
    store_ahead_s: float | None = None


@dataclass(frozen=True)
class Examined:
    """All that was read.

    `queues` are by ARN, as are those `gone`, which mappings name and nobody has; `groups` by id,
    `addresses` by the host of a GOVERNOR_URL: what it resolves to from here, nothing if it does
    not. `interfaces` have such addresses. `aws_ahead_s` says how far AWS's clock is ahead of ours.
    """

    discovery: Discovery
    policy: Policy | None = None
    governor: Governor | None = None
    queues: Mapping[str, Queue] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aws_ahead_s: float | None = None
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all functions of the account were selected."""
        return len(self.discovery.rows) == self.discovery.functions

    @property
    def attached(self) -> Iterator[Row]:
        """The functions that ask a governor."""
        return (
            row
            for row in self.discovery.rows
            if row.function.is_attached and not is_disabled(row.function)
        )

    @property
    def has_leader(self) -> bool:
        """Whether a controller is known to lead."""
        return self.governor is not None and self.governor.has_leader

    @cached_property
    def by_name(self) -> Mapping[str, Row]:
        """The functions by name."""
        return {row.function.name: row for row in self.discovery.rows}

    @cached_property
    def resolver(self) -> Resolver:
        """The policy, completed by what was read of tags and reservations."""
        tags = {name: row.function.tags or {} for name, row in self.by_name.items()}
        facts = Facts(unshared=frozenset(self.reserved), tags=packed(tags))
        return Resolver(self.policy or Policy(), facts)

    @property
    def entries(self) -> Mapping[str, Function]:
        """What the policy says of functions, and what they wish where it lets them."""
        return self.resolver.effective.functions

    @cached_property
    def reserved(self) -> Mapping[str, int]:
        """Reserved concurrency by function, where a user has reserved any."""
        return {
            name: row.details.reserved
            for name, row in self.by_name.items()
            if row.details.reserved is not None
        }

    def entry(self, function: str) -> Function:
        """Return what is said of a function itself."""
        return self.entries.get(function) or _UNLISTED

    def priority(self, function: str) -> Priority:
        """Return its priority by the policy."""
        return self.resolver.claim(function).priority

    def tightest(self, function: str) -> int | None:
        """Return how many of a function limits let run at most, those in shadow mode, too."""
        return min(self._limits(function, tuple(Mode)), default=None)

    def is_limited(self, function: str) -> bool:
        """Whether a function asks, and some limit can say no, or could if it were enforced."""
        asked = self.by_name[function].function
        asks = asked.is_attached and not is_disabled(asked)
        return asks and self.tightest(function) is not None

    def is_enforced(self, function: str) -> bool:
        """Whether some limit of a function is enforced."""
        return any(True for _ in self._limits(function, (Mode.ENFORCE,)))

    def _limits(self, function: str, modes: tuple[Mode, ...]) -> Iterator[int]:
        claim = self.resolver.claim(function)
        for hold in claim.holds:
            limit = hold.limits.limit_for(claim.priority)
            if limit is not None and hold.limits.mode in modes:
                yield limit // hold.weight

    def mappings(self, function: str) -> Iterator[EventSourceMapping]:
        """Yield the SQS mappings of a function that are on."""
        return (each for each in self._mappings[function] if each.knobs.enabled)

    @cached_property
    def _mappings(self) -> Mapping[str, list[EventSourceMapping]]:
        found: defaultdict[str, list[EventSourceMapping]] = defaultdict(list)
        for each in self.discovery.mappings:
            if each.service == "sqs":
                found[each.function].append(each)
        return found

    @cached_property
    def dead_letters(self) -> frozenset[str]:
        """The dead-letter queues of queues and functions, by ARN."""
        of_queues = {each.dead_letter for each in self.queues.values()}
        return frozenset(of_queues | {row.function.dead_letter for row in self.discovery.rows})

    @property
    def fed(self) -> Iterator[tuple[Row, EventSourceMapping, Queue]]:
        """The functions that queues feed, with mapping and queue, paused or not."""
        for each in self.discovery.mappings:
            if each.function in self.by_name and each.source in self.queues:
                yield self.by_name[each.function], each, self.queues[each.source]


def is_disabled(function: FunctionConfiguration) -> bool:
    """Whether the layer of a function, if it has one, stands aside (README, GOVERNOR_DISABLED)."""
    return is_on(function.variables.get("GOVERNOR_DISABLED", ""))


def is_fifo(queue: str) -> bool:
    """Whether a queue, by its ARN, keeps order: so its name says (API reference, CreateQueue)."""
    return queue.endswith(".fifo")
