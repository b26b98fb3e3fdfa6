"""The controller: how soon it answers, and what it asks of AWS for that."""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from governor.controller.actions import Action, Outcome, Turn
from governor.controller.aws.account import AwsAccount
from governor.controller.memory import Memory
from governor.controller.pace import Pace
from governor.controller.plan import plan
from governor.demo.aws.moto import ENVIRONMENT, Moto
from governor.demo.aws.standin import StandIn
from governor.ledger.client import LedgerClient
from governor.ledger.embedded import valkey_binary
from governor.model import ACCOUNT, ScopeCount
from governor.policy import parse_yaml
from governor.resolver import Resolver
from governor.settings import CALLS_PER_S
from tests.bench.figures import Bound, Figure, median
from tests.controller.aws_large import large
from tests.controller.controllers import Governed
from tests.stores import NO_PERSISTENCE, Server

MAPPINGS = 2_000
FUNCTIONS = 100
CYCLES = 12
CYCLE_S = 10.0
ROUNDS = 5
IDLE = {ACCOUNT: ScopeCount()}
POLICY = """
account: {max_concurrency: 1000, headroom: 200}
groups: {pages: {max_concurrency: 200, headroom: 100}}
functions:
  load: {priority: background}
  page: {groups: [pages]}
"""
FITS, EATS = 100, 101
"""How many of `page` fit beside the headroom of their group; one more eats into it."""


@contextmanager
def _aws() -> Iterator[StandIn]:
    """AWS with 2,000 mappings and as many queues, which boto3 in this process goes to."""
    with tempfile.TemporaryDirectory() as folder:
        moto = Moto(Path(folder) / "output")
        try:
            with (
                StandIn(moto) as standin,
                patch.dict(os.environ, {**ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url}),
            ):
                large(standin, mappings=MAPPINGS, functions=FUNCTIONS, queues=MAPPINGS)
                yield standin
        finally:
            moto.close()


def calls() -> list[Figure]:
    """Calls to AWS in a cycle in which nothing changes, and how long cycles take."""
    with _aws() as standin:
        made = _made(standin)
        first_s, later_s = _took()
    plane = [_of(each, "lambda:") for each in made]
    fewest, most = (
        ", ".join(f"{n} {name}" for name, n in sorted(each.items()))
        for each in (min(made, key=Counter.total), max(made, key=Counter.total))
    )
    return [
        Figure(
            f"controller: Lambda control-plane calls of a cycle, {MAPPINGS:,} mappings, no change",
            max(plane),
            f"cycles of two minutes: {plane}",
            Bound.AT_MOST,
            25,
        ),
        Figure(
            "controller: all calls of it, on average",
            sum(each.total() for each in made) / len(made),
            f"fewest: {fewest}; most: {most}",
        ),
        Figure(
            f"controller: a cycle over {MAPPINGS:,} mappings within its share of calls",
            later_s,
            f"{CALLS_PER_S:g}/s; AWS answers at once; the first one {first_s:.1f} s",
            unit="s",
        ),
    ]


def _made(standin: StandIn) -> list[Counter[str]]:
    """The calls of each cycle of two minutes, without waiting for these to pass."""
    account, made, at_s = AwsAccount(lambda_per_s=1000), [], time.time()
    for number in range(CYCLES):  # so far apart that everything is known, and due again, after it
        account.observe(IDLE, at_s + 8 * CYCLE_S * (number - CYCLES))
    for number in range(CYCLES):
        before = standin.counted()
        observed = account.observe(IDLE, at_s + CYCLE_S * number)
        assert observed.missing == (), observed.missing
        made.append(standin.counted() - before)
    account.close()
    return made


def _of(made: Counter[str], service: str) -> int:
    return sum(times for action, times in made.items() if action.startswith(service))


def _took() -> tuple[float, float]:
    """How long observing and planning take the first time, and after that (s)."""
    account, memory, took_s = AwsAccount(), Memory(), []
    resolver = Resolver(parse_yaml(POLICY))
    for _ in range(3):
        began_s = time.monotonic()
        observed = account.observe(IDLE, time.time())
        memory = plan(resolver, observed, memory).memory
        took_s.append(time.monotonic() - began_s)
        time.sleep(max(0.0, CYCLE_S - took_s[-1]))
    account.close()
    return took_s[0], took_s[-1]


def reaction() -> list[Figure]:
    """From the ledger seeing user-facing demand to the cut being sent, at the default pace."""
    usual, urgent = asyncio.run(_reactions())
    return [
        Figure(
            "controller: from user-facing demand in the ledger to the cut being sent",
            max(usual),
            _told(usual),
            Bound.AT_MOST,
            10,
            "s",
        ),
        Figure(
            "controller: the same when the headroom is being eaten into",
            max(urgent),
            _told(urgent),
            Bound.AT_MOST,
            2,
            "s",
        ),
    ]


def _told(took_s: list[float]) -> str:
    return (
        f"median {median(took_s):.2f} s of {len(took_s)}, the demand each time just too late for a "
        "cycle"
    )


async def _reactions() -> tuple[list[float], list[float]]:
    with Server(valkey_binary(), *NO_PERSISTENCE) as server:
        usual, urgent = [
            await asyncio.gather(*(_reaction(server.url, f"{n}-{i}", n) for i in range(ROUNDS)))
            for n in (FITS, EATS)
        ]
    return usual, urgent


async def _reaction(url: str, pool: str, demand: int) -> float:
    """Have `demand` come when the first cycle has just planned; return how long it waits.

    Seconds until the second cycle sends the cut.
    """
    loop, ledger = asyncio.get_running_loop(), LedgerClient(url, pool)
    governed = Governed(url, pool, ledger)
    await governed.set_policy(POLICY)
    governed.account.facts = type(governed.account.facts)(1000, 1000)
    governed.account.feed("load", 100_000)
    came_s: list[float] = []
    cut_s: asyncio.Future[float] = loop.create_future()

    def applying(action: Action) -> Outcome | None:
        now_s = time.monotonic()
        if not came_s:
            asyncio.run_coroutine_threadsafe(governed.check_in("page", demand), loop).result()
            came_s.append(time.monotonic())
        elif isinstance(action, Turn) and not cut_s.done():
            loop.call_soon_threadsafe(cut_s.set_result, now_s)
        return None

    governed.account.before_applying = applying
    async with governed.controller(Pace()), asyncio.timeout(60):
        took_s = await cut_s - came_s[0]
    await ledger.close()
    return took_s
