"""Errors as `application/problem+json` (RFC 9457), and which error becomes which."""

import logging
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from governor.errors import (
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


def _simple(status: int, title: str, detail: object, **headers: str) -> web.Response:
    return respond(Problem(title=title, status=status, detail=str(detail)), status, **headers)


def of(error: Exception) -> web.Response:
    """Return the answer to a request that ended in `error`."""
    match error:
        case InvalidInputError():
            invalid = Problem(
                title="Invalid input", status=400, detail=str(error), field=error.field or None
            )
            return respond(invalid, 400)
        case UnknownEntryError():
            return _simple(404, "Not found", error)
        case GroupInUseError():
            return _simple(409, "Still in use", error)
        case PreconditionError():
            return _simple(412, "Precondition failed", error)
        case StoreUnavailableError():
            return _simple(
                503, "Store unavailable", error, **{"Retry-After": str(RETRY_WITHOUT_STORE_S)}
            )
        case web.HTTPException():
            headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            headers |= {
                name: value
                for name, value in error.headers.items()
                if name == "WWW-Authenticate"
            }
            return _simple(error.status, error.reason, error.text or error.reason, **headers)
        case _:
            log.error("a request failed for no known reason", exc_info=error)
            return _simple(500, "Internal error", "the service's log has the details; report it")


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the one place where errors become answers
        return of(error)
