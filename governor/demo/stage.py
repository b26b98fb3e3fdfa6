"""One of AWS's Regions with the demo's functions in it: what loads them, and what comes of it.

It has a pool of its own, so that what happens in one has no part in what happens in another.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Lacking
from governor.demo.fleet import BACKGROUND, FUNCTIONS, TIMEOUT_S, USERS
from governor.demo.pollers import Pollers
from governor.demo.recording import Sample
from governor.demo.region import Ended, Environments, Region
from governor.demo.traffic import SEED, Traffic

USERS_RUNNING: Final = 3.0
"""User-facing invocations that run at a time, on average."""

USERS_S: Final = 0.8
"""How long one takes, on average."""

WORK_S: Final = (1.0, 2.0)
"""How long a message takes, shortest and longest."""

VISIBILITY_S: Final = 2 * TIMEOUT_S
"""AWS advises six times the timeout. So long would a denied message be away, and this is a demo."""

RECEIVES: Final = 20
"""So many that no message comes to its last attempt, which the governor would let pass."""


def furnish(fleet: Fleet) -> list[str]:
    """Make the functions, and queues that feed the background ones; return the mappings' ids."""
    for function in FUNCTIONS:
        fleet.function(function.name, TIMEOUT_S)
    return [fleet.driven(each.name, RECEIVES, VISIBILITY_S) for each in BACKGROUND]


class Stage:
    """The account in one Region, where `facts` are its limits and `fleet` is what is in it."""

    def __init__(
        self,
        fleet: Fleet,
        facts: Lacking,
        environments: Mapping[str, Environments],
        mappings: Iterable[str],
    ) -> None:
        """Have `environments` of each function, and pollers for the ids of `mappings`."""
        self._fleet = fleet
        self._region = Region(facts, environments.__getitem__)
        self._pollers = [Pollers(self._region, fleet, facts, uuid) for uuid in mappings]
        self._users = Traffic(self._region, USERS.name, USERS_RUNNING, USERS_S)
        self._random = random.Random(SEED)  # noqa: S311 - the same load at every run
        self._sent = 0
        self._began_s = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have users, who keep coming, and queues that are polled. Time counts from now on."""
        self._began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(each)
                for each in (
                    self._users.run(),
                    *(each.run() for each in self._pollers),
                    self._region.tell(self._fleet),
                )
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def burst(self, messages: int) -> None:
        """Send so many messages at once, spread over the queues."""
        self._sent += messages
        bodies = [json.dumps({"work_s": self._random.uniform(*WORK_S)}) for _ in range(messages)]
        for number, pollers in enumerate(self._pollers):
            await pollers.send(bodies[number :: len(self._pollers)])

    @property
    def began_ns(self) -> int:
        """Its begin by CLOCK_MONOTONIC."""
        return int(self._began_s * 1e9)

    @property
    def passed_s(self) -> float:
        """Seconds since its begin."""
        return time.monotonic() - self._began_s

    @property
    def errors(self) -> Sequence[str]:
        """What the first invocations that failed had to say."""
        return self._region.errors

    def sample(self, allowed: tuple[int | None, ...]) -> Sample:
        """How things stand, given what each queue is `allowed`."""
        users = self._region.ended[USERS.name]
        background = sum((self._region.ended[each.name] for each in BACKGROUND), Counter[Ended]())
        running = tuple(self._region.running[each.name] for each in FUNCTIONS)
        done = sum(each.finished for each in self._pollers)
        return Sample(
            at_s=self.passed_s,
            running=running,
            waiting=max(0, self._sent - done - sum(running[1:])),
            allowed=allowed,
            served=users[Ended.DONE],
            throttled=users[Ended.THROTTLED],
            denied=users[Ended.DENIED],
            done=done,
            background_throttled=background[Ended.THROTTLED],
            background_denied=background[Ended.DENIED],
            failed=users[Ended.FAILED] + background[Ended.FAILED],
        )
