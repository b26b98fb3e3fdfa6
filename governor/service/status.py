"""Calls about the pool as it is now: status, stream, metrics, health, dashboard."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import msgspec
from aiohttp import web
from prometheus_client.registry import Collector

from governor.errors import StoreUnavailableError
from governor.ledger.client import StoreFacts
from governor.model import Limits, ScopeCount
from governor.service import metrics
from governor.service.app import Call, Service, json_response
from governor.service.bodies import (
    ControllerStatus,
    HealthAnswer,
    ScopeStatus,
    StatusAnswer,
    StoreStatus,
)
from governor.service.controller import standing
from governor.service.controller_metrics import ControllerCollector

STREAM_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool at one moment.

    `limits` of every scope that the policy names, `counts` of all that have any.
    """

    now_ms: int
    limits: dict[str, Limits]
    counts: dict[str, ScopeCount]
    controller: ControllerStatus


async def look(service: Service) -> Pool:
    """Look at the pool. Raises `StoreUnavailableError`."""
    now_ms = await service.check_ins.sweep()
    policy = await service.policies.refresh()
    counts = await service.ledger.counts(now_ms)
    return Pool(now_ms, dict(policy.scopes()), counts, await standing(service, now_ms))


def statuses(limits: dict[str, Limits], counts: dict[str, ScopeCount]) -> list[ScopeStatus]:
    """Join limits and counts: the policy's scopes first, then the others by name."""
    others = sorted(scope for scope in counts if scope not in limits)
    return [
        _status(scope, limits.get(scope, Limits()), counts.get(scope, ScopeCount()))
        for scope in [*limits, *others]
    ]


def _status(scope: str, limits: Limits, count: ScopeCount) -> ScopeStatus:
    return ScopeStatus(
        scope=scope,
        in_use=count.in_use,
        max_concurrency=limits.max_concurrency,
        headroom=limits.headroom,
        mode=limits.mode,
        peak=count.peak,
        granted=count.granted,
        denied=count.denied,
        shadow_denied=count.shadow_denied,
        overruns=count.overruns,
        expired=count.expired,
    )


async def snapshot(service: Service) -> StatusAnswer:
    """Return the pool at a glance. Raises `StoreUnavailableError`."""
    pool = await look(service)
    rows = statuses(pool.limits, pool.counts)
    facts: StoreFacts = await service.ledger.facts()
    store = StoreStatus(service.ledger.url, facts.server, facts.version, facts.used_memory_bytes)
    return StatusAnswer(rows, store, pool.controller)


async def status(call: Call) -> web.Response:
    """Answer with the pool at a glance."""
    return json_response(await snapshot(call.service))


async def stream(call: Call) -> web.StreamResponse:
    """Send the pool at a glance once a second, as server-sent events, until either side ends."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    first = await snapshot(call.service)  # no store: a problem, not a stream
    await response.prepare(call.request)
    await _send(response, "status", first)
    with suppress(ConnectionError):
        while not await call.service.stopping_within(STREAM_EVERY_S):
            try:
                await _send(response, "status", await snapshot(call.service))
            except StoreUnavailableError as error:
                await _send(response, "unavailable", {"detail": str(error)})
    return response


async def _send(response: web.StreamResponse, event: str, data: object) -> None:
    await response.write(b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data)))


async def prometheus(call: Call) -> web.Response:
    """Answer with the metrics; the store's failure is one of them."""
    try:
        pool = await look(call.service)
    except StoreUnavailableError:
        gauges: list[Collector] = [metrics.PoolCollector({}, {}, store_up=False)]
    else:
        gauges = [
            metrics.PoolCollector(pool.counts, pool.limits, store_up=True),
            ControllerCollector(pool.controller, pool.now_ms / 1000),
        ]
    text = await asyncio.to_thread(metrics.exposition, gauges)
    return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})


async def healthz(_: Call) -> web.Response:
    """Answer that the process is alive."""
    return json_response(HealthAnswer())


async def readyz(call: Call) -> web.Response:
    """Answer whether the store can be reached; raises `StoreUnavailableError` if not."""
    await call.service.ledger.read_version()
    return json_response(HealthAnswer())


async def dashboard(_: Call) -> web.Response:
    """Answer with the page that shows the status."""
    page = (files("governor.service") / "static" / "index.html").read_bytes()
    return web.Response(body=page, content_type="text/html", charset="utf-8")
