"""The rules as the pool has them: kept in the store, remembered here, changed by compare-and-set.

They are the policy, and the facts that complete it.
"""

from collections.abc import Callable
from typing import Final

from governor.errors import PreconditionError
from governor.facts import Facts, recorded
from governor.ledger.client import LedgerClient, StoredPolicy
from governor.policy import Policy, stored
from governor.resolver import Resolver

Edit = Callable[[Resolver], Policy]
"""Makes a new policy of the one in the rules."""

CHANGE_ATTEMPTS: Final = 50
"""How often a change is made anew because another one came first."""


class PolicyStore:
    """The pool's policy. `resolver` is the last one read; a check-in finds out if it is old."""

    def __init__(self, ledger: LedgerClient) -> None:
        """Begin with the empty policy, until the store is asked."""
        self._ledger = ledger
        self.resolver = Resolver(Policy())

    @property
    def policy(self) -> Policy:
        """The policy that was last read."""
        return self.resolver.policy

    async def refresh(self) -> Policy:
        """Read policy and facts if others than the last read stand in the store.

        A store without a policy (new, or it lost its data) gets what is remembered here.
        """
        version = await self._ledger.read_version()
        if version == self.resolver.version:
            return self.policy
        found = await self._ledger.read_policy()
        if found is not None:
            self.resolver = self._read(found)
        if found is None or version is None:
            await self._ledger.put_policy(version, self.resolver)
        return self.policy

    def _read(self, found: StoredPolicy) -> Resolver:
        """Read what has changed; the tags of a large account take a while."""
        policy, facts = self.policy, self.resolver.facts
        if found.document != policy.document:
            policy = stored(found.document)
        if found.facts != facts.document:
            facts = recorded(found.facts)
        return Resolver(policy, facts)

    async def change(self, edit: Edit, file: str = "") -> tuple[Resolver, Resolver]:
        """Apply `edit` to the policy as it stands; return the rules before and after.

        `edit` may be called several times. What it raises is passed on and nothing changes.
        `file` is the digest of the file that the policy comes from, if it comes from one.
        """
        return await self._replace(lambda rules: Resolver(edit(rules), rules.facts), file)

    async def learn(self, edit: Callable[[Facts], Facts]) -> tuple[Resolver, Resolver]:
        """Apply `edit` to the facts as they stand, as `change` does to the policy."""

        def learned(rules: Resolver) -> Resolver:
            facts = edit(rules.facts)
            return rules if facts == rules.facts else Resolver(rules.policy, facts)

        return await self._replace(learned)

    async def load_file(self, policy: Policy, digest: str) -> bool:
        """Adopt `policy` from a file unless its content was the last one loaded; say whether.

        So a restart with the same file keeps what was set over HTTP since.
        """
        await self.refresh()
        found = await self._ledger.read_policy()
        if found is not None and found.file == digest:
            return False
        await self.change(lambda _: policy, digest)
        return True

    async def _replace(
        self, edit: Callable[[Resolver], Resolver], file: str = ""
    ) -> tuple[Resolver, Resolver]:
        for _ in range(CHANGE_ATTEMPTS):
            await self.refresh()
            before = self.resolver
            after = edit(before)
            if after.version == before.version and not file:
                return before, before
            kept = {scope for scope, _ in after.effective.scopes()}
            unlisted = [scope for scope, _ in before.effective.scopes() if scope not in kept]
            if await self._ledger.put_policy(before.version, after, unlisted, file):
                self.resolver = after
                return before, after
        raise PreconditionError("the policy changes faster than this change can be made; try again")
