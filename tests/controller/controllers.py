"""Controllers that run in the test's own process, on an account in memory and a real store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec

from governor.controller.loop import control
from governor.controller.memory import Memory
from governor.controller.pace import Pace
from governor.facts import Facts
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore, Standing
from governor.ledger.policy_store import PolicyStore
from governor.model import Acquire, Answer, Granted
from governor.policy import Policy, parse_yaml
from governor.report import Report, read
from tests.controller.account import MemoryAccount

POLICY = """
account: {max_concurrency: 100, headroom: 20}
functions:
  load: {priority: background}
  report: {priority: background}
  api: {}
"""
BURST = 3000

QUICK = Pace(every_s=0.05, urgent_s=0.05, look_s=0.01)
WITHIN_S = 20.0


@dataclass
class Governed:
    """A pool, the account that it governs, and ways to look at both."""

    url: str
    pool: str
    ledger: LedgerClient
    account: MemoryAccount = field(default_factory=MemoryAccount)

    def __post_init__(self) -> None:
        """Share what the controllers share."""
        self.store = ControllerStore(self.ledger.store)
        self.policies = PolicyStore(self.ledger)

    async def set_policy(self, policy: str | Policy) -> None:
        """Replace the pool's policy."""
        wanted = policy if isinstance(policy, Policy) else parse_yaml(policy)
        await self.policies.change(lambda _: wanted)

    @asynccontextmanager
    async def controller(
        self, pace: Pace = QUICK, *, dry_run: bool = False
    ) -> AsyncIterator[asyncio.Event]:
        """A controller of its own connections, until the context or the event in it ends it."""
        stopping = asyncio.Event()
        ledger = LedgerClient(self.url, self.pool)
        running = asyncio.create_task(
            control(ledger, self.account, stopping, pace, dry_run=dry_run)
        )
        try:
            yield stopping
        finally:
            stopping.set()
            await running
            await ledger.close()

    async def standing(self) -> Standing:
        """Who leads, and what the leader told."""
        swept = await self.ledger.exchange(self.policies.resolver, [])
        assert swept is not None
        return await self.store.standing(swept.now_ms)

    async def report(self) -> Report:
        """What the leader told last."""
        return read((await self.standing()).status)

    async def memory(self) -> Memory:
        """What the leader remembers."""
        document, _ = await self.store.documents()
        return msgspec.json.decode(document, type=Memory) if document else Memory()

    async def facts(self) -> Facts:
        """What the ledger goes by, beside the policy."""
        await self.policies.refresh()
        return self.policies.resolver.facts

    async def events(self, kind: str) -> list[str]:
        """The texts of the events of a kind, oldest first."""
        return [each.text for each in (await self.report()).events if each.kind == kind]

    async def check_in(self, function: str, times: int) -> None:
        """Have `times` invocations of `function` run."""
        asked = [Acquire(f"{function}-{n}", function, 60_000) for n in range(times)]
        assert all(isinstance(each, Granted) for each in await self.asked(*asked))

    async def asked(self, *acquires: Acquire) -> list[Answer]:
        """What the ledger answers."""
        await self.policies.refresh()
        exchange = await self.ledger.exchange(self.policies.resolver, acquires)
        assert exchange is not None
        return exchange.answers

    async def cycles(self, count: int = 3) -> None:
        """Wait until so many more looks at the account have ended, with what followed from them."""
        enough = self.account.cycles + count + 1
        await until(lambda: self.account.cycles >= enough, f"{count} cycles")


async def until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as `condition` holds; fail, naming `what` was awaited, after a while."""
    try:
        async with asyncio.timeout(WITHIN_S):
            while not condition():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"still not: {what}") from None


def held_back(governed: Governed) -> bool:
    """Whether both queues are held back."""
    return len(governed.account.applied) == 2


def change_by_hand(governed: Governed, maximum: int) -> None:
    """Have somebody else set a mapping's MaximumConcurrency."""
    mapping = governed.account.mappings["mapping-of-load"]
    knobs = replace(mapping.knobs, max_concurrency=maximum)
    governed.account.mappings["mapping-of-load"] = replace(mapping, knobs=knobs)
