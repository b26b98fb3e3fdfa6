"""Discovering an account of thousands of functions, and attaching hundreds, as moto has them."""

import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import psutil

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import denied
from governor.demo.aws.moto import ENVIRONMENT, Moto
from governor.demo.aws.standin import StandIn
from governor.fleet.attachment import toward_attached, toward_detached
from governor.fleet.aws.clients import connected
from governor.fleet.aws.configuring import Configuring
from governor.fleet.aws.discover import discover
from governor.fleet.aws.listing import listed
from governor.fleet.aws.pace import PacedCalls
from governor.fleet.aws.turn import Turn
from governor.fleet.configuration import Wanted
from governor.fleet.discovery import Discovery
from governor.fleet.health import Health
from governor.fleet.rollout import AT_ONCE_WITHOUT_A_LOOK, Decide, Rolling
from tests.bench.figures import Bound, Figure
from tests.fleet.account import published, several, snapshot

FUNCTIONS = 5000
ATTACHED = 500
FED = 500
BUSY = 20
PER_PAGE = 50
UNPACED_PER_S = 1e6
"""moto has no quota; what the pace makes of it is arithmetic."""

LISTED = frozenset({"lambda:ListFunctions", "tag:GetResources", "lambda:ListEventSourceMappings"})
PAGED = LISTED | {"cloudwatch:GetMetricData", "lambda:GetAccountSettings"}


def discovering() -> list[Figure]:
    """Calls, time and memory of `governor fleet discover`, first and with its cache."""
    with tempfile.TemporaryDirectory() as folder:
        moto = Moto(Path(folder) / "moto")
        try:
            with Fleet(moto) as fleet, StandIn(moto) as standin:
                _fill(fleet, standin)
                here = {**ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url, "XDG_CACHE_HOME": folder}
                with patch.dict(os.environ, here):
                    rss = psutil.Process().memory_info().rss
                    first, first_s, asked = _discovered(standin)
                    grown_mb = (psutil.Process().memory_info().rss - rss) / 2**20
                    again, again_s, asked_again = _discovered(standin)
        finally:
            moto.close()
    assert len(first.rows) == len(again.rows) == FUNCTIONS
    assert not first.missing, first.missing
    one_by_one = sum(count for call, count in asked.items() if call not in PAGED)
    return [
        Figure(
            f"discover: calls to list {FUNCTIONS:,} functions, their tags and {FED} mappings",
            asked["lambda:ListFunctions"],
            ", ".join(f"{asked[call]} {call}" for call in sorted(LISTED)),
            Bound.AT_MOST,
            FUNCTIONS / PER_PAGE,
        ),
        Figure(
            "discover: calls per function for what no list says, the first time",
            one_by_one / FUNCTIONS,
            ", ".join(f"{n:,} {call}" for call, n in asked.items() if call not in PAGED),
        ),
        Figure(
            "discover: such calls when the cache has them",
            sum(count for call, count in asked_again.items() if call not in PAGED),
            f"{asked_again.total()} calls in all, {again_s:.1f} s",
            Bound.AT_MOST,
            0,
        ),
        Figure(
            f"discover: time for {FUNCTIONS:,} functions without a pace, most of it moto's",
            first_s,
            f"{asked.total():,} calls",
            unit="s",
        ),
        Figure("discover: memory that it takes", grown_mb, "resident, grown", unit="MB"),
    ]


def attaching() -> list[Figure]:
    """What is left of attaching 500 functions and detaching them again, both interrupted once."""
    with tempfile.TemporaryDirectory() as folder:
        moto = Moto(Path(folder) / "moto")
        try:
            with Fleet(moto) as fleet, StandIn(moto) as standin:
                layer = published(fleet, "governor")
                names = several(fleet, ATTACHED)
                before = snapshot(fleet, names)
                here = {**ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url}
                with patch.dict(os.environ, here):
                    wanted = Wanted(layer, {"GOVERNOR_URL": "http://governor:8642"}, 1_790_000_000)
                    first_s = _rolled(standin, lambda now: toward_attached(now, wanted))
                    between = snapshot(fleet, names)
                    again_s = _rolled(standin, toward_detached)
                after = snapshot(fleet, names)
        finally:
            moto.close()
    assert not any(before[name] == between[name] for name in names)
    return [
        Figure(
            f"attach, then detach {ATTACHED} functions, interrupted and resumed: not as before",
            sum(before[name] != after[name] for name in names),
            f"attached in {first_s:.0f} s, detached in {again_s:.0f} s, without a pace",
            Bound.AT_MOST,
            0,
            "functions",
        )
    ]


def _rolled(standin: StandIn, decide: Decide) -> float:
    """Roll out, lose the permission in the middle, roll out again; return how long it took (s)."""
    begin = time.perf_counter()
    left = iter(range(ATTACHED // 2))
    standin.trouble(
        "lambda:UpdateFunctionConfiguration",
        lambda request: denied(request.action) if next(left, None) is None else None,
    )
    assert not _roll_out(decide)
    standin.heal()
    assert _roll_out(decide)
    return time.perf_counter() - begin


def _roll_out(decide: Decide) -> bool:
    clients, calls = connected(), PacedCalls(UNPACED_PER_S)
    functions = listed(clients, calls).functions
    with Turn(clients, calls) as turn:
        rolling = Rolling(Configuring(clients, calls), lambda *_: Health(), turn, lambda *_: None)
        rollout = rolling.roll_out(functions, lambda _: decide, AT_ONCE_WITHOUT_A_LOOK)
    clients.close()
    return rollout.is_complete


def _fill(fleet: Fleet, standin: StandIn) -> None:
    """Make functions, a queue for each tenth of them, and some traffic."""
    for number in range(FUNCTIONS):
        name = f"f{number:04}"
        arn = fleet.function(name)
        standin.state.tags[arn] = {"number": str(number)}
        if number < FED:
            fleet.mapping(name, fleet.queue(f"{name}-queue"))
        if number < BUSY:
            fleet.put_metric(
                "ConcurrentExecutions", number, time.time() - 3600 * number, FunctionName=name
            )


def _discovered(standin: StandIn) -> tuple[Discovery, float, Counter[str]]:
    """Discover; return what was found, in how long (s), by which calls."""
    standin.asked.clear()
    clients = connected()
    started = time.perf_counter()
    found = discover(clients, PacedCalls(UNPACED_PER_S))
    took_s = time.perf_counter() - started
    clients.close()
    return found, took_s, standin.counted()
