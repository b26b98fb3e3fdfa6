"""Calls about the controller: what it tells of itself, pausing it and letting it go on.

The controller is another process, maybe on another machine: all that is said to it, and all that it
says, stands in the store.
"""

from aiohttp import web

from governor.controller.report import read
from governor.service.app import Call, Service, json_response
from governor.service.bodies import ControllerStatus, PausedAnswer


async def standing(service: Service, now_ms: int) -> ControllerStatus:
    """Return who leads at `now_ms` and what was told last. Raises `StoreUnavailableError`."""
    found = await service.controller.standing(now_ms)
    return ControllerStatus(
        enabled=service.policies.policy.controller.enabled,
        paused=found.paused,
        leader=found.leader,
        report=None if found.status is None else read(found.status),
    )


async def pause(call: Call) -> web.Response:
    """Have no more action applied."""
    await call.service.controller.pause()
    return json_response(PausedAnswer(paused=True))


async def resume(call: Call) -> web.Response:
    """Have actions applied again."""
    await call.service.controller.resume()
    return json_response(PausedAnswer(paused=False))
