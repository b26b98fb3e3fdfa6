"""Calls about the pool as it is now: status, stream, metrics, health."""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec
from aiohttp import web
from prometheus_client.registry import Collector

from governor.errors import StoreUnavailableError
from governor.service import metrics
from governor.service.app import Call, json_response
from governor.service.bodies.status import HealthAnswer, UnavailableEvent
from governor.service.controller_metrics import ControllerCollector

STREAM_EVERY_S: Final = 1.0


async def status(call: Call) -> web.Response:
    """Answer with the pool at a glance."""
    watch = call.service.watch
    return json_response((await watch.look()).status(await watch.store()))


async def stream(call: Call) -> web.StreamResponse:
    """Send the pool at a glance once a second, as server-sent events, until either side ends.

    Whoever asks for changes gets the whole once and then what is not as it was.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    watch = call.service.watch
    seen = await watch.shared_look()
    first = seen.status(await watch.store())  # no store: a problem, not a stream
    await response.prepare(call.request)
    if call.request.method == "HEAD":
        return response
    await _send(response, "status", first)
    with suppress(ConnectionError):
        while not await call.service.stopping_within(STREAM_EVERY_S):
            try:
                pool, store = await watch.shared_look(), await watch.store()
            except StoreUnavailableError as error:
                await _send(response, "unavailable", UnavailableEvent(str(error)))
                continue
            if call.query.changes:
                await _send(response, "changes", pool.since(seen, store))
                seen = pool
            else:
                await _send(response, "status", pool.status(store))
    return response


async def _send(response: web.StreamResponse, event: str, data: object) -> None:
    await response.write(b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data)))


async def prometheus(call: Call) -> web.Response:
    """Answer with the metrics; the store's failure is one of them."""
    try:
        await call.service.ledger.probe()
        pool = await call.service.watch.look()
    except StoreUnavailableError:
        gauges: list[Collector] = [metrics.PoolCollector({}, {}, None, store_up=False)]
    else:
        gauges = [
            metrics.PoolCollector(pool.counts, pool.limits, pool.in_use, store_up=True),
            ControllerCollector(pool.controller, pool.now_ms / 1000),
        ]
    text = await asyncio.to_thread(metrics.exposition, gauges)
    return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})


async def healthz(_: Call) -> web.Response:
    """Answer that the process is alive."""
    return json_response(HealthAnswer())


async def readyz(call: Call) -> web.Response:
    """Answer whether the store takes check-ins; raises `StoreUnavailableError` if not."""
    await call.service.ledger.probe()
    return json_response(HealthAnswer())
