"""A client of the service for tests: what was answered, as it was answered."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector
from multidict import CIMultiDictProxy
from yarl import URL

ANSWER_WITHIN_S = 30.0
TTL_MS = 60_000


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the service."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def etag(self) -> str:
        """The entity tag."""
        return self.headers["ETag"]

    def problem(self, status: int, field: object = None) -> dict[str, Any]:
        """The problem that the answer must be: its `status`, and the `field` that it names."""
        assert self.status == status, self
        assert self.headers["Content-Type"] == "application/problem+json"
        problem = self.json
        assert problem["status"] == status
        assert problem["title"]
        assert problem.get("field") == field, problem
        return problem


class Api:
    """Calls to one governor. Paths are sent as they are: the caller encodes them."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Call the governor at `url`, with `token` if one is given."""
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def __aenter__(self) -> Self:
        """Open a session."""
        self._session = ClientSession(
            headers=self._headers,
            timeout=ClientTimeout(total=ANSWER_WITHIN_S),
            connector=TCPConnector(limit=0),
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

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request with a JSON `body`, or with a `raw` one, at once or in chunks."""
        if raw is None and body is not None:
            raw = json.dumps(body).encode()
            headers = {"Content-Type": "application/json", **(headers or {})}
        url = URL(self.url + path, encoded=True)
        async with self._session.request(method, url, data=raw, headers=headers) as response:
            return Reply(response.status, response.headers, await response.read())

    @asynccontextmanager
    async def events(self, query: str = "") -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The stream: each event's name and what it tells."""
        timeout = ClientTimeout(sock_read=ANSWER_WITHIN_S)
        async with self._session.get(f"{self.url}/v1/stream{query}", timeout=timeout) as response:
            assert response.status == 200
            assert response.content_type == "text/event-stream"
            yield _events(response)

    async def get(self, path: str, **headers: str) -> Reply:
        """GET. In the names of `headers`, _ stands for -."""
        return await self.call("GET", path, headers=_named(headers))

    async def put(self, path: str, body: object, **headers: str) -> Reply:
        """PUT. In the names of `headers`, _ stands for -."""
        return await self.call("PUT", path, body, headers=_named(headers))

    async def patch(self, path: str, body: object, **headers: str) -> Reply:
        """PATCH. In the names of `headers`, _ stands for -."""
        return await self.call("PATCH", path, body, headers=_named(headers))

    async def delete(self, path: str, **headers: str) -> Reply:
        """DELETE. In the names of `headers`, _ stands for -."""
        return await self.call("DELETE", path, headers=_named(headers))

    async def check_in(self, id_: str, function: str, **fields: object) -> Reply:
        """Ask for a lease."""
        body = {"id": id_, "function": function, "ttl_ms": TTL_MS} | fields
        return await self.call("POST", "/v1/leases", body)

    async def granted(self, id_: str, function: str, **fields: object) -> dict[str, Any]:
        """Ask for a lease that must be new."""
        reply = await self.check_in(id_, function, **fields)
        assert reply.status == 201, reply
        return reply.json

    async def denied(self, id_: str, function: str, **fields: object) -> dict[str, Any]:
        """Ask for a lease that must be denied."""
        return (await self.check_in(id_, function, **fields)).problem(429)

    async def check_out(self, id_: str) -> None:
        """Give a lease back."""
        reply = await self.delete(f"/v1/leases/{id_}")
        assert reply.status == 204, reply

    async def set_policy(self, policy: str) -> None:
        """Replace the policy by `policy` (YAML)."""
        reply = await self.call(
            "PUT", "/v1/policy", raw=policy.encode(), headers={"Content-Type": "application/yaml"}
        )
        assert reply.status == 200, reply

    async def policy(self) -> dict[str, Any]:
        """The policy."""
        return (await self.get("/v1/policy")).json

    async def scopes(self) -> dict[str, dict[str, Any]]:
        """The status of each scope."""
        reply = await self.get("/v1/status")
        assert reply.status == 200, reply
        return {scope["scope"]: scope for scope in reply.json["scopes"]}

    async def in_use(self, scope: str) -> int:
        """What counts in `scope`."""
        scopes = await self.scopes()
        return int(scopes[scope]["in_use"]) if scope in scopes else 0

    async def holders(self) -> list[str]:
        """The ids of all live leases, oldest first."""
        reply = await self.get("/v1/leases?limit=10000")
        assert reply.status == 200, reply
        return [lease["id"] for lease in reply.json["leases"]]


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def _events(response: ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    while name := await response.content.readline():
        data = await response.content.readline()
        yield (
            name.decode().removeprefix("event: ").rstrip(),
            json.loads(data.removeprefix(b"data: ")),
        )
        assert await response.content.readline() == b"\n"


async def eventually(
    condition: Callable[[], Awaitable[bool]], what: str, deadline_s: float = 20.0
) -> None:
    """Return as soon as `condition` holds; fail, naming `what` was awaited, after `deadline_s`."""
    give_up_at = time.monotonic() + deadline_s
    while not await condition():
        assert time.monotonic() < give_up_at, f"after {deadline_s:.0f} s still not: {what}"
        await asyncio.sleep(0.01)


async def served_again(api: Api) -> None:
    """Return as soon as the service answers: its only worker has just been killed."""

    async def answers() -> bool:
        try:
            return (await api.get("/healthz")).status == 200
        except ClientError:  # a connection that the kernel had given to the dead one
            return False

    await eventually(answers, "another worker answers")
