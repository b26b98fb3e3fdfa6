"""What an invocation of a function holds: the one place that decides it. Pure."""

import re
from collections.abc import ItemsView, Mapping
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import Final

from governor.facts import STACK, Facts
from governor.model import ACCOUNT, Claim, Hold, Priority, function_scope, group_scope
from governor.policy import Function, Members, Policy, version_of
from governor.wishes import completed

Tagged = ItemsView[str, str]
"""Tags that a function must carry, all of them."""

REMEMBERED_CLAIMS: Final = 16_384
"""Resolved functions that a resolver keeps; made-up names can't fill the memory."""


class Resolver:
    """Resolves functions to claims under one policy, completed by facts.

    `claim(name)` is what an invocation of the function `name` holds (rules 1 and 11). `effective`
    is the policy as the functions' wishes complete it: what to show, while `policy` is what the
    user wrote and edits. `version` names exactly these rules.

    A function belongs to the groups that its entry names, and to each group of whose `members` it
    matches one of `functions`, all of `tags` (if there are any), or the `stack`. Then its weight is
    1, unless its entry says another.
    """

    def __init__(self, policy: Policy, facts: Facts = Facts()) -> None:  # noqa: B008 - a value
        """Prepare the groups' members for look-up."""
        self.policy = policy
        self.facts = facts
        self.effective = completed(policy, facts)
        self.version = version_of(f"{policy.version} {facts.version}".encode())
        self.claim = lru_cache(REMEMBERED_CLAIMS)(self._resolve)
        self._account = Hold(ACCOUNT, 1, policy.account.limits)
        self._groups = {
            name: (group_scope(name), group.limits) for name, group in policy.groups.items()
        }
        self._members: dict[str, list[str]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._tagged: dict[tuple[str, str], list[tuple[Tagged, str]]] = {}
        for name, group in policy.groups.items():
            if group.members:
                self._prepare(name, group.members)

    @cached_property
    def unlike_most(self) -> tuple[str, ...]:
        """The scopes of functions in the shared pool whose priority is not the policy's default.

        All else that is in use in the account is of the default priority.
        """
        return tuple(
            function_scope(name)
            for name, function in self.effective.functions.items()
            if function.priority not in {None, self.policy.defaults.priority}
            and self._draws_on_account(name, function)
        )

    def by_priority(self, in_use: Mapping[str, int]) -> dict[Priority, int]:
        """Split what is in use in the account by the priority that each function has by now.

        `in_use` has the account and those that are `unlike_most`, where anything runs in them.
        """
        usual, total = self.policy.defaults.priority, in_use.get(ACCOUNT, 0)
        # Leases count as they were acquired (rule 8): for a while a part may exceed the whole.
        others = min(total, sum(in_use.get(scope, 0) for scope in self.unlike_most))
        return {each: total - others if each is usual else others for each in Priority}

    def groups(self, name: str) -> dict[str, int]:
        """Return the groups that a function belongs to, with its weight in each."""
        return self._weights(name, self.effective.functions.get(name) or Function())

    def _prepare(self, group: str, members: Members) -> None:
        for glob in members.functions:
            if re.search(r"[*?\[]", glob):
                self._patterns.append((re.compile(translate(glob)), group))
            else:
                self._members.setdefault(glob, []).append(group)
        for wanted in (members.tags, {STACK: members.stack} if members.stack else {}):
            if wanted:  # found by any one of them, so that groups of other tags cost nothing
                self._tagged.setdefault(min(wanted.items()), []).append((wanted.items(), group))

    def _resolve(self, name: str) -> Claim:
        function = self.effective.functions.get(name)
        listed = function is not None
        function = function or Function()
        holds = [Hold(function_scope(name), 1, function.limits, listed)]
        weights = self._weights(name, function)
        for group in sorted(weights):
            scope, limits = self._groups[group]
            holds.append(Hold(scope, weights[group], limits))
        if self._draws_on_account(name, function):
            holds.append(self._account)
        priority = function.priority or self.policy.defaults.priority
        max_attempts = function.max_attempts or self.facts.max_attempts.get(name)
        return Claim(name, priority, tuple(holds), max_attempts)

    def _draws_on_account(self, name: str, function: Function) -> bool:
        """Whether it counts in the account: it does not if it has a reservation (rule 1)."""
        return function.shared and name not in self.facts.unshared

    def _weights(self, name: str, function: Function) -> dict[str, int]:
        """Weights by group; what a function says of itself goes before what a group says."""
        matched = [group for pattern, group in self._patterns if pattern.match(name)]
        matched += self._members.get(name, ())
        if self._tagged:
            tags = self.facts.tags_of(name).items()
            for tag in tags:
                matched += [group for all_, group in self._tagged.get(tag, ()) if all_ <= tags]
        return dict.fromkeys(matched, 1) | dict(function.weights)
