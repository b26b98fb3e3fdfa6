"""Calls about leases: check in, renew, check out, who holds what."""

from math import ceil
from random import randint
from typing import Final

from aiohttp import web

from governor.model import Acquire, Denied, Granted, Renew
from governor.service import problems
from governor.service.app import Call, json_response
from governor.service.bodies.leases import (
    AcquireBody,
    DeniedProblem,
    HolderAnswer,
    HoldersAnswer,
    LeaseAnswer,
    RenewAnswer,
)

RENEWALS_A_LIFE: Final = 3
"""So a lease outlives two renewals that get lost."""

RETRY_AFTER_MS: Final = (200, 400)
"""A denied client is told to wait a random time in this range, so that they don't come in step."""


async def acquire(call: Call) -> web.Response:
    """Check in."""
    body: AcquireBody = call.body
    answer = await call.service.check_ins.acquire(
        Acquire(body.id, body.function, body.ttl_ms, body.attempt, body.wait_ms)
    )
    match answer:
        case Granted():
            lease = LeaseAnswer(
                answer.id,
                answer.function,
                answer.expires_at_ms,
                max(1, body.ttl_ms // RENEWALS_A_LIFE),
                answer.scopes,
                answer.shadow_denied_by,
                answer.overrun,
            )
            return json_response(lease, 200 if answer.replayed else 201)
        case Denied():
            return _denied(body, answer)


def _denied(body: AcquireBody, denied: Denied) -> web.Response:
    retry_after_ms = randint(*RETRY_AFTER_MS)  # noqa: S311 - spreads load, guards nothing
    limits = denied.limits
    problem = DeniedProblem(
        title="Denied",
        status=429,
        detail=f"{denied.denied_by} has {denied.in_use} of {limits.max_concurrency} in use"
        + (f", {limits.headroom} of them for user-facing functions" if limits.headroom else ""),
        id=body.id,
        function=body.function,
        denied_by=denied.denied_by,
        max_concurrency=limits.max_concurrency,
        in_use=denied.in_use,
        retry_after_ms=retry_after_ms,
        headroom=limits.headroom,
    )
    return problems.respond(problem, 429, **{"Retry-After": str(ceil(retry_after_ms / 1000))})


async def renew(call: Call) -> web.Response:
    """Extend a lease."""
    renewed = await call.service.check_ins.renew(
        Renew(call.path["id"], call.body.function, call.body.ttl_ms)
    )
    return json_response(RenewAnswer(renewed.expires_at_ms, renewed.reinstated))


async def release(call: Call) -> web.Response:
    """Check out."""
    await call.service.check_ins.release(call.path["id"])
    return web.Response(status=204)


async def holders(call: Call) -> web.Response:
    """List who holds what, oldest first."""
    await call.service.check_ins.sweep()
    oldest = await call.service.ledger.holders(call.query.scope, call.query.limit)
    return json_response(
        HoldersAnswer(
            [
                HolderAnswer(
                    lease.id,
                    lease.function,
                    lease.acquired_at_ms,
                    lease.expires_at_ms,
                    lease.overrun,
                    dict(lease.weights),
                )
                for lease in oldest
            ]
        )
    )
