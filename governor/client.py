"""The command line's way to a running governor: its HTTP API."""

from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from governor.errors import GovernorError

TIMEOUT_S: Final = 10.0
NOT_FOUND: Final = 404


class ApiError(GovernorError):
    """The governor refused a call, or can't be reached. `status` is 0 for the latter."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP `status`."""
        super().__init__(message)
        self.status = status


class Api:
    """Calls to one governor."""

    def __init__(self, url: str, token: str | None) -> None:
        """Call the governor at `url` with `token`, if it wants one."""
        self._url = url.rstrip("/")
        self._token = token

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

    async def call(self, method: str, path: str, *, json: object = None, **options: Any) -> Any:
        """Return the JSON that a call answers with. Raises `ApiError`."""
        try:
            async with self._session.request(
                method, f"{self._url}{path}", json=json, **options
            ) as response:
                if response.status >= 400:  # noqa: PLR2004 - where errors begin
                    raise ApiError(response.status, await _reason(response))
                return await response.json() if response.content_length else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(
                0,
                f"no governor answers at {self._url} ({str(error) or type(error).__name__}); "
                "start one with `governor serve`, or name another with --url",
            ) from error

    async def change(self, path: str, fields: dict[str, Any]) -> Any:
        """Change `fields` of the entry at `path`, or add it with them. Raises `ApiError`."""
        try:
            current = await self.call("GET", path)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return await self.call("PUT", path, json=fields)
        weights = current.get("groups")
        if "groups" in fields and isinstance(weights, dict):
            # A merge patch adds to an object; what is not named any more has to be taken out.
            fields = {**fields, "groups": dict.fromkeys(weights) | fields["groups"]}
        return await self.call("PATCH", path, json=fields)


async def _reason(response: aiohttp.ClientResponse) -> str:
    try:
        problem = await response.json(content_type=None)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError):
        return f"{response.status} {response.reason}"
