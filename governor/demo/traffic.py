"""User-facing load: requests over an HTTP API that come one by one, each of which matters."""

import asyncio
import json
import math
import random
import time
from collections import Counter
from typing import Final

from governor.demo.region import Ended, Region

EVENT: Final = {
    "version": "2.0",
    "routeKey": "POST /orders",
    "requestContext": {"http": {"method": "POST", "path": "/orders"}, "stage": "$default"},
}
"""What matters of an HTTP API's event (payload 2.0)."""

SEED: Final = 7

SPREAD: Final = 0.4
"""The sigma of the durations' logarithms: one in a hundred takes 2.5 times the median."""


class Traffic:
    """Requests of users, who don't wait for each other: they come at random (Poisson).

    `running` is how many of their invocations run at a time on average, and may be changed at any
    time. What is refused does not come back.
    """

    def __init__(self, region: Region, function: str, running: float, mean_s: float) -> None:
        """Ask `function` for work of `mean_s` on average."""
        self.running = running
        self.ended: Counter[Ended] = Counter()
        self.added_ms: list[float] = []
        """By what was answered: how much longer than its work an invocation took."""
        self._region = region
        self.function = function
        self._mean_s = mean_s
        self._random = random.Random(SEED)  # noqa: S311 - the same load at every run

    async def run(self) -> None:
        """Send requests for as long as this is run."""
        async with asyncio.TaskGroup() as tasks:
            due = time.monotonic()
            while True:
                due += self._random.expovariate(self.running / self._mean_s)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                tasks.create_task(self._request())

    def served(self, requests: int) -> bool:
        """Whether so many were answered."""
        return self.ended[Ended.DONE] >= requests

    async def _request(self) -> None:
        mu = math.log(self._mean_s) - SPREAD**2 / 2
        takes_s = self._random.lognormvariate(mu, SPREAD)
        began = time.monotonic()
        event = {**EVENT, "body": json.dumps({"work_s": takes_s})}
        ended = await self._region.invoke(self.function, event)
        self.ended[ended] += 1
        if ended is Ended.DONE:
            self.added_ms.append((time.monotonic() - began - takes_s) * 1000)
