"""Errors as `application/problem+json` (RFC 9457), and which error becomes which."""

import logging
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from governor.errors import (
    GovernorError,
    GroupInUseError,
    InvalidInputError,
    PreconditionError,
    StoreUnavailableError,
    UnknownEntryError,
)

CONTENT_TYPE: Final = "application/problem+json"
RETRY_WITHOUT_STORE_S: Final = 1

log = logging.getLogger(__name__)


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    type: str = "about:blank"
    detail: str = ""
    field: str | None = None
    """Path of the offending field, in a 400."""


def respond(problem: Struct, status: int, **headers: str) -> web.Response:
    """Answer with `problem`."""
    return web.Response(
        body=msgspec.json.encode(problem), status=status, content_type=CONTENT_TYPE, headers=headers
    )


_KINDS: Final[dict[type[GovernorError], tuple[int, str]]] = {
    InvalidInputError: (400, "Invalid input"),
    UnknownEntryError: (404, "Not found"),
    GroupInUseError: (409, "Still in use"),
    PreconditionError: (412, "Precondition failed"),
    StoreUnavailableError: (503, "Store unavailable"),
}
_KEPT_HEADERS: Final = ("Allow", "WWW-Authenticate")


def of(error: Exception) -> web.Response:
    """Return the answer to a request that ended in `error`."""
    headers: dict[str, str] = {}
    field = None
    match error:
        case GovernorError() if type(error) in _KINDS:
            status, title = _KINDS[type(error)]
            detail = str(error)
            if isinstance(error, InvalidInputError):
                field = error.field or None
            elif isinstance(error, StoreUnavailableError):
                headers["Retry-After"] = str(RETRY_WITHOUT_STORE_S)
        case web.RequestPayloadError():
            status, title = 400, "Bad request"
            detail = "the body is not encoded as its headers say"
        case web.HTTPException():
            status, title, detail = error.status, error.reason, error.text or error.reason
            headers = {name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers}
        case _:
            log.error("a request failed for no known reason", exc_info=error)
            status, title = 500, "Internal error"
            detail = "the service's log has the details; please report it"
    problem = Problem(title=title, status=status, detail=detail, field=field)
    return respond(problem, status, **headers)


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the one place where errors become answers
        return of(error)
