"""A check-in over HTTP, held against the same web server answering nothing."""

import json
import subprocess
import sys

from tests.bench.figures import Bound, Figure, median
from tests.bench.governors import governor, noop_server, put
from tests.bench.load import Load
from tests.governors import Governor

ROUNDS = 9
SECONDS = 1.0


def load(port: int, path: str, connections: int) -> Load:
    """Load the server on `port` from a process of its own."""
    arguments = [str(port), path, str(connections), str(SECONDS)]
    output = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", *arguments],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    came_of_it = Load(**json.loads(output))
    assert came_of_it.failures == 0, came_of_it
    return came_of_it


def three_scopes(service: Governor) -> None:
    """Have the loaded function count in three scopes that have room."""
    put(service, "/v1/account", {"max_concurrency": 1_000_000})
    put(service, "/v1/groups/g", {"max_concurrency": 1_000_000})
    put(service, "/v1/functions/bench", {"max_concurrency": 1_000_000, "groups": ["g"]})


def check_ins() -> list[Figure]:
    """Rate at 64 connections and latency at one, in turns with the no-op so that both see the same.

    Each round gives a ratio; the figure is their median. Latency comes first: nobody checks out
    here, and 64 connections leave some 400,000 leases behind.
    """
    with governor() as service, noop_server() as noop_port:
        three_scopes(service)
        pairs = {
            connections: [
                (load(noop_port, "/", connections), load(service.port, "/v1/leases", connections))
                for _ in range(ROUNDS)
            ]
            for connections in (1, 64)
        }
    noop, check_in = (median([pair[i].per_s for pair in pairs[64]]) for i in (0, 1))
    noop_p50, check_in_p50 = (median([pair[i].p50_us for pair in pairs[1]]) for i in (0, 1))
    return [
        Figure(
            "HTTP check-ins/s at 64 connections ÷ no-op POST",
            median([check_in.per_s / noop.per_s for noop, check_in in pairs[64]]),
            f"{check_in:,.0f}/s ÷ {noop:,.0f}/s",
            Bound.AT_LEAST,
            0.55,
        ),
        Figure(
            "p50 of a check-in over HTTP, one connection ÷ no-op POST",
            median([check_in.p50_us / noop.p50_us for noop, check_in in pairs[1]]),
            f"{check_in_p50:,.0f} µs ÷ {noop_p50:,.0f} µs",
            Bound.AT_MOST,
            3,
        ),
    ]
