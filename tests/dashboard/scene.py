"""Life for the dashboard to show: a governor, traffic that checks in and out, and a controller.

    python -m tests.dashboard.scene [FUNCTIONS]

runs it until Ctrl-C and prints where to look. No number is made up: every lease is asked of the
governor, and the controller is the product's own, on an account in memory that a burst fills.
"""

import asyncio
import math
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from governor.controller.loop import control
from governor.controller.pace import Pace
from governor.ledger.client import LedgerClient
from tests.controller.account import MemoryAccount
from tests.governors import Governor
from tests.service.api import Api

FUNCTIONS = 200
BUSY = 40
TURN_S = 0.5
WAVE_S = 150.0
LEASE_MS = 60_000
ACCOUNT = {"max_concurrency": 400, "headroom": 80}


def policy(functions: int = FUNCTIONS) -> dict[str, Any]:
    """A policy of so many functions: every fourth in the background, some groups, one a shadow."""
    kinds = ("orders-api", "checkout", "search", "etl-load")
    names = [f"{kinds[number % 4]}-{number:05}" for number in range(functions)]
    return {
        "account": ACCOUNT,
        "groups": {
            "etl": {"max_concurrency": 90},
            "orders-db": {"max_concurrency": 80, "headroom": 20},
            "reports": {"max_concurrency": 30, "mode": "shadow"},
            **{f"team-{number:02}": {"max_concurrency": 200} for number in range(20)},
        },
        "functions": {
            name: {
                "max_concurrency": 15 + number % 30,
                "priority": "background" if number % 4 == 3 else "user-facing",
                "groups": _groups(number),
            }
            for number, name in enumerate(names)
        },
    }


def _groups(number: int) -> list[str]:
    groups = [f"team-{number % 20:02}"]
    if number % 4 == 0:
        groups.append("orders-db")
    if number % 4 == 3:
        groups.append("etl" if number % 8 == 3 else "reports")
    return groups


class Traffic:
    """Invocations of some functions: as many at once as a wave asks for, or as are granted."""

    def __init__(self, api: Api, functions: list[str], seed: int = 1) -> None:
        """Invoke `functions` at the governor that is `api`."""
        self._api = api
        self._functions = functions
        self._chance = random.Random(seed)
        self._held: dict[str, list[str]] = {name: [] for name in functions}
        self._asked = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            at = loop.time() - began
            await asyncio.gather(*(self._turn(name, at) for name in self._functions))
            await asyncio.sleep(TURN_S)

    async def _turn(self, name: str, at_s: float) -> None:
        held = self._held[name]
        wanted = self._wanted(name, at_s)
        while len(held) > wanted:
            await self._api.check_out(held.pop(0))
        for _ in range(wanted - len(held)):
            self._asked += 1
            id_ = f"{name}:{self._asked}"
            reply = await self._api.check_in(id_, name, ttl_ms=LEASE_MS)
            if reply.status == 429:
                return
            held.append(id_)
        if held and self._chance.random() < 0.4:
            await self._api.check_out(held.pop(0))

    def _wanted(self, name: str, at_s: float) -> int:
        index = self._functions.index(name)
        wave = 0.5 + 0.5 * math.sin(
            2 * math.pi * (at_s / WAVE_S + index / len(self._functions) / 3)
        )
        peak = 16 if name.startswith("etl") else 11
        return round(peak * wave * self._chance.uniform(0.8, 1.2))


@asynccontextmanager
async def controlled(url: str, names: list[str]) -> AsyncIterator[None]:
    """A controller of the pool in the store at `url`, on an account where queues feed `names`."""
    account = MemoryAccount(limit=ACCOUNT["max_concurrency"])
    for number, name in enumerate(names):
        account.feed(name, 400 * (number + 1))
    stopping = asyncio.Event()
    ledger = LedgerClient(url, "default")
    pace = Pace(every_s=5.0, urgent_s=2.0, look_s=0.5)
    running = asyncio.create_task(control(ledger, account, stopping, pace))
    try:
        yield
    finally:
        stopping.set()
        await running
        await ledger.close()


async def main(functions: int) -> None:
    """Show it all."""
    with tempfile.TemporaryDirectory() as folder, Governor("--data-dir", folder) as governor:
        async with Api(governor.url) as api:
            wanted = policy(functions)
            assert (await api.put("/v1/policy", wanted)).status == 200
            store = (await api.get("/v1/status")).json["store"]["url"]
            busy = [*wanted["functions"]][:BUSY]
            background = [name for name in busy if name.startswith("etl")]
            async with controlled(store, background):
                print(f"{governor.url}/", flush=True)  # noqa: T201 - where to look
                await Traffic(api, busy).run()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else FUNCTIONS))
