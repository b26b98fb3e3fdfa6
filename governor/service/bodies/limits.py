"""Limits and the policy."""

from typing import Annotated

from msgspec import Meta, Struct

from governor.changes import Change
from governor.policy import Function, Group


class EntryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How to treat a change of limits."""

    dry_run: Annotated[
        bool, Meta(description="Answer with what would stand then, and change nothing.")
    ] = False


class FunctionsAnswer(Struct, frozen=True):
    """The functions that the policy names, and those whose wishes it honours."""

    functions: dict[str, Function]


class GroupsAnswer(Struct, frozen=True):
    """The groups of the policy."""

    groups: dict[str, Group]


class PolicyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How to treat a new policy."""

    dry_run: Annotated[bool, Meta(description="Answer with the changes and make none.")] = False


class PolicyAnswer(Struct, frozen=True):
    """What a new policy changes."""

    applied: bool
    changes: list[Change]
