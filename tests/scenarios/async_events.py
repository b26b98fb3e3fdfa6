"""Asynchronous invocations: Lambda's own queue before a function, which nobody can hold back.

Lambda developer guide, "Asynchronous invocation: error handling": a function's error is retried
twice, after one minute and after two more; a throttle goes back to the queue and is tried again,
after a second at first and after five minutes at most, for up to six hours.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from governor.demo.region import MINUTE_S, SPEED, Ended, Region

EVENT: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "layer/events/eventbridge.json").read_text()
)
RETRIES_S: Final = (MINUTE_S, 2 * MINUTE_S)
FIRST_BACKOFF_S: Final = 1.0
MOST_BACKOFF_S: Final = 300.0 / SPEED


class AsyncEvents:
    """The events of one function. Run `run` for as long as they are to be delivered."""

    def __init__(self, region: Region, function: str) -> None:
        """Begin with none."""
        self.ended: Counter[Ended] = Counter()
        """How events have ended: what is retried has not."""
        self._region = region
        self._function = function
        self._events: asyncio.Queue[float] = asyncio.Queue()

    def send(self, events: int, work_s: float) -> None:
        """Send so many events, each of which asks for `work_s` of work."""
        for _ in range(events):
            self._events.put_nowait(work_s)

    async def run(self) -> None:
        """Deliver events as they come."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                work_s = await self._events.get()
                tasks.create_task(self._deliver(work_s))

    async def _deliver(self, work_s: float) -> None:
        event = {**EVENT, "detail": {"work_s": work_s}}
        retries, backoff_s = list(RETRIES_S), FIRST_BACKOFF_S
        while True:
            ended = await self._region.invoke(self._function, event)
            if ended is Ended.THROTTLED:
                await asyncio.sleep(backoff_s)
                backoff_s = min(MOST_BACKOFF_S, backoff_s * 2)
            elif ended is Ended.DONE or not retries:
                self.ended[ended] += 1
                return
            else:
                await asyncio.sleep(retries.pop(0))
