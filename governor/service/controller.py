"""Calls to the controller: pausing it and letting it go on.

The controller is another process, maybe on another machine: what is said to it stands in the store.
"""

from aiohttp import web

from governor.service.app import Call, json_response
from governor.service.bodies.status import PausedAnswer


async def pause(call: Call) -> web.Response:
    """Have no more action applied."""
    await call.service.controller.pause()
    return json_response(PausedAnswer(paused=True))


async def resume(call: Call) -> web.Response:
    """Have actions applied again."""
    await call.service.controller.resume()
    return json_response(PausedAnswer(paused=False))
