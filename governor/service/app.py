"""The web application: a table of routes, each with who may call it and what it takes and gives."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from governor.errors import InvalidInputError
from governor.ledger.chronicle_store import ChronicleStore
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore
from governor.ledger.policy_store import PolicyStore
from governor.service import problems
from governor.service.auth import Tokens, check_origin
from governor.service.checkins import CheckIns
from governor.service.pool import Watch
from governor.tokens import Role
from governor.validation import convert, decoder, json_value

SMALL_BODY: Final = 64 * 1024
"""Largest body of a call about one lease, function or group, in bytes."""
POLICY_BODY: Final = 16 * 1024 * 1024
"""Largest policy document, and largest body of all functions' tags, in bytes: room for some 100,000
functions, or the eight tags each of 50,000."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the handlers work with."""

    ledger: LedgerClient
    policies: PolicyStore
    check_ins: CheckIns
    controller: ControllerStore
    chronicle: ChronicleStore
    watch: Watch
    stopping: asyncio.Event

    async def stopping_within(self, seconds: float) -> bool:
        """Wait for `seconds`, or less if the process begins to stop; say whether it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        return self.stopping.is_set()


class Call(Struct, frozen=True):
    """A request that was let in: its path's parameters, its query and its body, all valid."""

    service: Service
    request: web.Request
    path: dict[str, str]
    query: Any
    body: Any


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A documented answer: what it means, and its shape if it has a JSON body."""

    description: str
    shape: Any = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API. `body` is the request's shape; `bytes` = raw, None = no body."""

    method: str
    path: str
    role: Role
    summary: str
    handler: Handler
    answers: dict[int, Answer]
    parameters: dict[str, Any] = field(default_factory=dict)
    query: type[Any] | None = None
    body: Any = None
    conditional: bool = False
    """Whether it heeds If-Match and If-None-Match."""
    most_bytes: int = SMALL_BODY
    """Largest body that it takes."""


def json_response(value: object, status: int = 200, **headers: str) -> web.Response:
    """Answer with `value` as JSON."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def application(service: Service, tokens: Tokens, routes: Sequence[Route]) -> web.Application:
    """Build the web application that serves `routes`."""
    app = web.Application(middlewares=[problems.middleware], client_max_size=POLICY_BODY)
    for route in routes:
        endpoint = _endpoint(service, tokens, route)
        app.router.add_route(route.method, route.path, endpoint)
        if route.method == "GET":  # aiohttp leaves the content out
            app.router.add_route("HEAD", route.path, endpoint)
    return app


def _endpoint(
    service: Service, tokens: Tokens, route: Route
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the aiohttp handler of `route`: let in, validate, call."""
    read = _reader(route)
    parameters = tuple(route.parameters.items())
    query_shape = route.query or _NoQuery
    no_query = query_shape()

    async def endpoint(request: web.Request) -> web.StreamResponse:
        if tokens:
            tokens.check(request.headers.get("Authorization"), route.role)
        else:
            check_origin(request.headers.get("Origin"))
        path = {name: convert(request.match_info[name], shape, name) for name, shape in parameters}
        query = _query(request, query_shape) if request.query_string else no_query
        return await route.handler(Call(service, request, path, query, await read(request)))

    return endpoint


def _query(request: web.Request, shape: Any) -> Any:
    """Return the query. Raises `InvalidInputError`, also for what is in it more than once."""
    given = dict(request.query)
    query = convert(given, shape, strict=False)
    if len(given) < len(request.query):
        twice = next(name for name in given if len(request.query.getall(name)) > 1)
        raise InvalidInputError(twice, "is there more than once")
    return query


class _NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Who believes that a call has, say, a dry run, must not be surprised by a wet one."""


_DECODERS: Final[dict[Any, Callable[[bytes], Any]]] = {bytes: bytes, dict[str, Any]: json_value}
"""For bodies of no fixed shape."""


def _reader(route: Route) -> Callable[[web.Request], Awaitable[Any]]:
    if route.body is None:
        return _no_body
    most = route.most_bytes
    decode = _DECODERS.get(route.body) or _decoder(route)

    async def read(request: web.Request) -> Any:
        if (request.content_length or 0) <= most:
            body = await request.read()
            if len(body) <= most:
                return decode(body)
        raise web.HTTPRequestEntityTooLarge(
            most, text=f"the body may have at most {most} bytes here"
        )

    return read


def _decoder(route: Route) -> Callable[[bytes], Any]:
    if route.role is Role.LAYER or route.most_bytes > SMALL_BODY:
        # Programs write these, often or at length: to look for duplicate keys would cost a check-in
        # more than 2 %, and all others some hundred ms where there are tags of 50,000 functions.
        return decoder(route.body)
    return lambda text: convert(json_value(text), route.body)


async def _no_body(_: web.Request) -> None:
    return None
