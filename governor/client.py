"""The command line's way to a running governor: its HTTP API."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from governor.errors import GovernorError, InvalidInputError, SettingsError
from governor.validation import decoder

TIMEOUT_S: Final = 10.0
NOT_FOUND: Final = 404
CHANGED: Final = 412

CHANGE_ATTEMPTS: Final = 10
"""How often a change is made anew because somebody else has just changed the same entry."""

_LONGEST_LINE: Final = 2**25
"""An event is one line; one of 10,000 functions has some 2 MB."""

_OBJECT: Final = dict[str, Any]
"""What every call answers with, at least."""

_NO_LIMIT: Final = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)


_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#@]*@")

_json: Final = decoder(Any)


def anonymous(url: str) -> str:
    """Return `url` without user and password, as messages tell it."""
    return _CREDENTIALS.sub("", url, count=1)


class ApiError(GovernorError):
    """The governor refused a call, or `status` is 0: it can't be reached, or understood."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP `status`."""
        super().__init__(message)
        self.status = status


class Api:
    """Calls to one governor."""

    def __init__(self, url: str, token: str | None) -> None:
        """Call the governor at `url` with `token`, if it wants one.

        A user and a password in `url` are for a proxy before it. Raises `SettingsError`.
        """
        self._url = url.rstrip("/")
        self._token = token
        self.place = anonymous(self._url)
        """Where it is, as messages tell it."""
        if token and self.place != self._url:
            raise SettingsError(
                "--token and a password in --url would be the same header: a proxy before a "
                "governor that wants tokens can't ask for one, too"
            )

    async def __aenter__(self) -> Self:
        """Open a session."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._session = aiohttp.ClientSession(
            headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the session."""
        await self._session.close()

    async def call(self, method: str, path: str, *, shape: Any = _OBJECT, **options: Any) -> Any:
        """Return the JSON that a call answers with; it has the `shape`. Raises `ApiError`."""
        async with self._request(method, path, **options) as response:
            return _read(await response.read(), shape)

    async def time_s(self) -> float | None:
        """Return the governor's clock, in seconds since 1970, as it dates answers: to the second.

        None if they have no date. Raises `ApiError`.
        """
        async with self._request("GET", "/healthz") as response:
            date = response.headers.get("Date")
            return None if date is None else parsedate_to_datetime(date).timestamp()

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.request(method, f"{self._url}{path}", **options) as response:
                if response.status >= 400:  # noqa: PLR2004 - where errors begin
                    raise ApiError(response.status, await _reason(response))
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(
                0,
                f"no governor answers at {self.place} ({str(error) or type(error).__name__}); "
                "start one with `governor serve`, or name another with --url",
            ) from error
        except (InvalidInputError, ValueError) as error:
            raise ApiError(
                0,
                f"what answers at {self.place} is no governor, or one of another release "
                f"({error}); name another with --url",
            ) from error

    async def events(self, path: str, shapes: Mapping[str, Any]) -> AsyncIterator[tuple[str, Any]]:
        """Yield the name and the JSON of each server-sent event, until the governor ends.

        Only of those in `shapes`: another release has others. Raises `ApiError`.
        """
        async with self._request(
            "GET", path, timeout=_NO_LIMIT, read_bufsize=_LONGEST_LINE
        ) as response:
            event = ""
            async for line in response.content:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                match name:
                    case "event":
                        event = value
                    case "data" if event in shapes:
                        yield event, _read(value.encode(), shapes[event])

    async def change(self, path: str, fields: dict[str, Any]) -> Any:
        """Change `fields` of the entry at `path`, or add it with them. Raises `ApiError`.

        What somebody else changes meanwhile is read again first, and stays.
        """
        for _ in range(CHANGE_ATTEMPTS - 1):
            try:
                return await self._change_once(path, fields)
            except ApiError as error:
                if error.status != CHANGED:
                    raise
        return await self._change_once(path, fields)

    async def _change_once(self, path: str, fields: dict[str, Any]) -> Any:
        try:
            async with self._request("GET", path) as response:
                current = _read(await response.read(), _OBJECT)
                tag = response.headers.get("ETag", "*")
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return await self.call("PUT", path, json=fields, headers={"If-None-Match": "*"})
        weights = current.get("groups")
        if "groups" in fields and isinstance(weights, dict):
            # A merge patch adds to an object; what is not named any more has to be taken out.
            fields = {**fields, "groups": dict.fromkeys(weights) | fields["groups"]}
        return await self.call("PATCH", path, json=fields, headers={"If-Match": tag})


def _read(body: bytes, shape: Any) -> Any:
    """Return the JSON of `body`, once it has the `shape`. Raises `InvalidInputError`."""
    decoder(shape)(body)
    return _json(body)


async def _reason(response: aiohttp.ClientResponse) -> str:
    try:
        problem = await response.json(content_type=None)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError):
        return f"{response.status} {response.reason}"
