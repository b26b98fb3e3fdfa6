"""Asks a running governor how it is."""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import Struct

from governor.client import Api, ApiError, anonymous
from governor.errors import InvalidInputError
from governor.fleet.doctor.examined import Examined, Governor, Store
from governor.layer.contents import URL_VARIABLE
from governor.layer.variables import TOKEN_VARIABLE, is_plain
from governor.policy import parse_json

_READERS: Final = "/v1/account"
"""A call that takes the role reader, and costs little."""

_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _Store(Struct):
    server: str
    version: str
    maxmemory_policy: str = ""


class _Controller(Struct):
    leader: str | None


class _Status(Struct):
    """What is wanted of the answer of GET /v1/status."""

    now_ms: int
    store: _Store
    controller: _Controller


class _Facts(Struct):
    """What is wanted of the answer of GET /v1/facts."""

    max_attempts: dict[str, int]
    unshared: frozenset[str]


async def asked(examined: Examined, url: str, token: str | None) -> Governor:
    """Return how the governor at `url` is.

    Functions' tokens are shown to it as far as they are for its address.
    """
    tokens = {
        row.function.variables.get(TOKEN_VARIABLE, "")
        for row in examined.attached
        if row.function.variables[URL_VARIABLE].rstrip("/") == anonymous(url).rstrip("/")
    }
    return await ask(url, token, sorted(each for each in tokens if each and is_plain(each)))


async def ask(url: str, token: str | None, tokens: Iterable[str]) -> Governor:
    """Ask the governor at `url`; also what it makes of functions' `tokens`."""
    async with Api(url, token) as api:
        governor = Governor(api.place)
        try:
            now_s = await api.time_s()
            governor = replace(governor, ahead_s=None if now_s is None else now_s - time.time())
            await api.call("GET", "/readyz")
            if await _status(url, None) in _REFUSED:
                roles = {each: await _status(url, each) for each in tokens}
                governor = replace(governor, wants_token=True, roles=roles)
            return await _told(api, governor)
        except ApiError as error:
            return _failed(governor, error)
        except (InvalidInputError, msgspec.ValidationError) as error:
            what = (
                f"what answers at {api.place} is no governor of this release or before it ({error})"
            )
            return replace(governor, silent=what)


async def _told(api: Api, governor: Governor) -> Governor:
    """What the governor tells readers."""
    status = msgspec.convert(await api.call("GET", "/v1/status"), _Status)
    store_ahead_s = status.now_ms / 1000 - time.time()
    facts = msgspec.convert(await api.call("GET", "/v1/facts"), _Facts)
    policy = await api.call("GET", "/v1/policy")
    store = status.store
    return replace(
        governor,
        policy=parse_json(json.dumps(policy).encode()),
        store=Store(store.server, store.version, store.maxmemory_policy),
        has_leader=status.controller.leader is not None,
        max_attempts=facts.max_attempts,
        unshared=facts.unshared,
        store_ahead_s=store_ahead_s,
    )


def _failed(governor: Governor, error: ApiError) -> Governor:
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return replace(governor, store_down=str(error))
    if error.status in _REFUSED:
        return replace(governor, refused=str(error))
    return replace(governor, silent=str(error))


async def _status(url: str, token: str | None) -> int:
    """Return the HTTP status of a reader's call with a token. Raises `ApiError` if none comes."""
    async with Api(url, token) as api:
        try:
            await api.call("GET", _READERS)
        except ApiError as error:
            if not error.status:
                raise
            return error.status
    return HTTPStatus.OK
