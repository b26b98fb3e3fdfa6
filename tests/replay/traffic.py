"""Known traffic against a real governor: who comes when, and stays how long."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from aiohttp import ClientSession, TCPConnector


@dataclass(frozen=True, order=True, slots=True)
class Visit:
    """An invocation: comes at `at_s` after the beginning, runs for `lasts_s`."""

    at_s: float
    function: str
    lasts_s: float


def poisson(function: str, per_s: float, mean_s: float, for_s: float, seed: int) -> list[Visit]:
    """Random visits of one function over `for_s`; durations vary by half around their mean."""
    random, at_s, visits = Random(seed), 0.0, list[Visit]()
    while (at_s := at_s + random.expovariate(per_s)) < for_s:
        visits.append(Visit(at_s, function, mean_s * random.uniform(0.5, 1.5)))
    return visits


async def drive(url: str, visits: Sequence[Visit], speed: float = 1.0) -> Counter[str]:
    """Check in and out as `visits` say, in real time; return how many were denied of whom."""
    denied: Counter[str] = Counter()
    async with (
        ClientSession(connector=TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as all_,
    ):
        loop = asyncio.get_running_loop()
        begin = loop.time()

        async def run(number: int, visit: Visit) -> None:
            id_ = f"{begin}-{number}"
            body = {"id": id_, "function": visit.function, "ttl_ms": 60_000}
            async with session.post(f"{url}/v1/leases", json=body) as response:
                if response.status == 429:
                    denied[visit.function] += 1
                    return
                assert response.status == 201, await response.text()
            await asyncio.sleep(visit.lasts_s / speed)
            async with session.delete(f"{url}/v1/leases/{id_}") as response:
                assert response.status == 204

        for number, visit in enumerate(sorted(visits)):
            await asyncio.sleep(begin + visit.at_s / speed - loop.time())
            all_.create_task(run(number, visit))
    return denied
