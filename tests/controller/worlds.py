"""Fleets as values, and how they answer to a plan: what planning is tested on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from governor.controller.actions import AskForMore, Brake, Turn
from governor.controller.memory import Memory
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
    Queue,
)
from governor.controller.plan import Plan, plan
from governor.controller.plan.confirm import State
from governor.model import ACCOUNT, Priority, ScopeCount, function_scope
from governor.policy import Account, Function, Group, Policy
from governor.resolver import Resolver

START_S = 1_000_000.0
CYCLE_S = 10.0


def background(
    max_concurrency: int | None = None,
    *,
    groups: Mapping[str, int] | None = None,
    share: int = 1,
    allow_pause: bool = False,
    max_batch_size: int | None = None,
) -> Function:
    """A function that is held back."""
    return Function(
        priority=Priority.BACKGROUND,
        max_concurrency=max_concurrency,
        groups=dict(groups or {}),
        share=share,
        allow_pause=allow_pause,
        max_batch_size=max_batch_size,
    )


def policy(
    functions: Mapping[str, Function],
    *,
    max_concurrency: int | None = 1000,
    headroom: int = 200,
    groups: Mapping[str, Group] | None = None,
) -> Policy:
    """A policy with one user-facing function, `api`, and these."""
    return Policy(
        account=Account(max_concurrency=max_concurrency, headroom=headroom),
        functions={"api": Function(priority=Priority.USER_FACING), **functions},
        groups=dict(groups or {}),
    )


def mapping(function: str, knobs: Knobs | None = None) -> EventSourceMapping:
    """The mapping `m-<function>` from the queue `q-<function>`."""
    return EventSourceMapping(
        f"m-{function}", f"arn:{function}", function, f"q-{function}", knobs or Knobs()
    )


@dataclass
class World:
    """An account in which time passes, and which carries out plans at once (or, `slow`, later)."""

    policy: Policy
    backlog: dict[str, int] = field(default_factory=dict)
    """Messages by function; each has one mapping, unless `unfed`."""
    in_use: dict[str, int] = field(default_factory=dict)
    limit: int = 1000
    ungoverned: int | None = 0
    at_s: float = START_S
    knobs: dict[str, Knobs] = field(default_factory=dict)
    duration_s: dict[str, float] = field(default_factory=dict)
    min_pollers: dict[str, int] = field(default_factory=dict)
    brakes: dict[str, int] = field(default_factory=dict)
    unfed: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    tags: dict[str, Knobs] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    def observed(self) -> Observed:
        """What the controller sees of it now."""
        functions = [name for name in self.policy.functions if name != "api"]
        fed = [name for name in functions if name not in self.unfed]
        scopes = {function_scope(name): ScopeCount(in_use=n) for name, n in self.in_use.items()}
        total = sum(self.in_use.values())
        return Observed(
            at_s=self.at_s,
            account=AccountFacts(self.limit, self.limit - sum(self.brakes.values())),
            mappings=tuple(
                replace(
                    mapping(name, self.knobs.get(name)),
                    settled=name not in self.unsettled,
                    min_pollers=self.min_pollers.get(name),
                    original=self.tags.get(name),
                )
                for name in fed
            ),
            queues={f"q-{n}": Queue(f"q-{n}", self.backlog.get(n, 0), 0) for n in fed},
            functions={
                name: FunctionFacts(
                    name,
                    60,
                    reserved=self.brakes.get(name),
                    braked=name in self.brakes,
                    duration_s=self.duration_s.get(name),
                )
                for name in functions
            },
            scopes={ACCOUNT: ScopeCount(in_use=total), **scopes},
            ungoverned=self.ungoverned,
        )

    def plan(self) -> Plan:
        """What the controller would do now."""
        return plan(Resolver(self.policy), self.observed(), self.memory)

    def carry_out(self, planned: Plan) -> None:
        """Let a plan have its way."""
        self.memory = planned.memory
        for action in planned.actions:
            match action:
                case Turn(function=name):
                    assert action.before == self.knobs.get(name, Knobs())
                    self.knobs[name] = action.after
                    self.tags[name] = action.original
                    if action.restores:
                        del self.tags[name]
                case Brake(function=name, after=None):
                    del self.brakes[name]
                case Brake(function=name, after=int(after)):
                    self.brakes[name] = after
                case AskForMore():
                    pass

    def cycle(self, *, after_s: float = CYCLE_S) -> Plan:
        """Plan and carry out; then some time passes."""
        planned = self.plan()
        self.carry_out(planned)
        self.at_s += after_s
        return planned

    def cycles(self, seconds: float) -> list[Plan]:
        """Go through the cycles of so many seconds."""
        return [self.cycle() for _ in range(int(seconds / CYCLE_S))]

    def limits(self) -> dict[str, int | None]:
        """The limit of each mapping that differs from how it was created."""
        return {name: knobs.max_concurrency for name, knobs in self.knobs.items()}


def reasons(planned: Plan) -> list[str]:
    """What a plan says: of its actions first, then of its non-actions."""
    return [each.reason for each in (*planned.actions, *planned.non_actions)]


def burst(**changes: object) -> World:
    """Two background functions with 100 batches each, and 190 for both."""
    world = World(
        policy({"etl-load": background(), "report-gen": background()}),
        backlog={"etl-load": 2000, "report-gen": 2000},
        in_use={"api": 610},
    )
    return replace(world, **changes)  # type: ignore[arg-type]


def states(planned: Plan) -> list[State]:
    """How the changes of earlier cycles stand."""
    return [each.state for each in planned.confirmations]
