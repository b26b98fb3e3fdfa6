"""The same web server answering nothing: what a check-in's cost is held against."""

import asyncio
import sys

import uvloop
from aiohttp import web


async def nothing(request: web.Request) -> web.Response:
    """Read the body, answer an empty object."""
    await request.read()
    return web.Response(body=b"{}", content_type="application/json")


async def serve() -> None:
    """Serve on a free port, which is printed."""
    app = web.Application()
    app.router.add_post("/", nothing)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(uvloop.run(serve()))
