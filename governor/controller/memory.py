"""What the controller remembers from cycle to cycle, and hands on to the next leader. Values only.

It says of every change that was sent what stood before and when it was sent: a plan compares that
with what it observes. A plan's memory counts its own actions as sent, since it is stored before
they are; `Memory.unsent` takes one back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from governor.controller.actions import Action, AskForMore, Brake, Turn
from governor.controller.observed import Knobs

NO_RESERVATION: Final = -1
"""How `Braked.theirs` says that somebody removed the reservation."""


@dataclass(frozen=True, slots=True)
class Highest:
    """The highest of what was lately seen of a figure that goes up and down.

    `held` is what plans count with; `recent` are (time, value), each lower than all before it.
    """

    held: int
    recent: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Turned:
    """A mapping that the controller has turned.

    `before` is what AWS last confirmed, `sent` what was sent at `at_s`; equal: it has arrived.
    `theirs` is what somebody else has made of it since: hands off.
    """

    original: Knobs
    before: Knobs
    sent: Knobs
    at_s: float
    theirs: Knobs | None = None


@dataclass(frozen=True, slots=True)
class Braked:
    """A function whose reserved concurrency the controller has set; the fields as in `Turned`.

    `calm_since_s`: since when it needs no brake.
    """

    original: int | None
    before: int | None
    sent: int | None
    at_s: float
    calm_since_s: float | None = None
    theirs: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The last request for a higher limit of the account."""

    desired: int
    at_s: float


@dataclass(frozen=True)
class Memory:
    """Everything that outlives a cycle. Bounded by what is observed: mappings, functions, groups.

    `highest` is by what is measured: "user-facing", "ungoverned", "other", a scope, and for a
    mapping with something in its queue "messages:<uuid>" and "ms:<uuid>".
    """

    turns: Mapping[str, Turned] = field(default_factory=dict)
    brakes: Mapping[str, Braked] = field(default_factory=dict)
    highest: Mapping[str, Highest] = field(default_factory=dict)
    above_since_s: float | None = None
    """Since when the account's use is above the line of `account.raise`."""
    asked: Asked | None = None
    asked_before: Asked | None = None
    """What `asked` was before this cycle, in case that its request is not sent."""

    @property
    def drifts(self) -> int:
        """How many mappings and functions somebody else has changed under our hands."""
        turns = sum(each.theirs is not None for each in self.turns.values())
        return turns + sum(each.theirs is not None for each in self.brakes.values())

    def unsent(self, action: Action) -> "Memory":
        """Return the memory without `action`, one of the plan's that was not sent after all."""
        match action:
            case Turn(mapping=uuid):
                turned = self.turns.get(uuid)
                if turned is None:
                    return self
                turns = {**self.turns, uuid: replace(turned, sent=turned.before, at_s=0)}
                if turned.before == turned.original:
                    del turns[uuid]
                return replace(self, turns=turns)
            case Brake(function=name):
                braked = self.brakes.get(name)
                if braked is None:
                    return self
                brakes = {**self.brakes, name: replace(braked, sent=braked.before, at_s=0)}
                if braked.before == braked.original:
                    del brakes[name]
                return replace(self, brakes=brakes)
            case AskForMore():
                return replace(self, asked=self.asked_before)


def recalled(document: bytes | None) -> Memory | None:
    """Return the memory in `document`, empty if there is none; None: another release's.

    Little is lost with one that can't be read: the originals stand in tags, too.
    """
    try:
        return msgspec.json.decode(document, type=Memory) if document else Memory()
    except msgspec.DecodeError:
        return None
