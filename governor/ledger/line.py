"""The line over which a process exchanges with the ledger: one function call after another.

To one server it is a connection of its own, and commands are packed here: on the path of every
check-in the general client's connection pool, retries and encoding cost as much as the store does.
"""

import asyncio
from typing import Final, Protocol, cast

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from governor.ledger.connection import Client


class Line(Protocol):
    """Calls functions that take a pool's keys and one packed request."""

    async def fcall(self, function: str, request: bytes) -> bytes:
        """Return the function's reply. Raises redis-py's errors."""

    async def close(self) -> None:
        """Let go of the connection."""


def line(client: Client, keys: list[bytes]) -> Line:
    """Return the line to the store of `client` for the pool with these `keys`."""
    if isinstance(client, RedisCluster):
        return ClusterLine(client, keys)
    return ServerLine(client, keys)


class ServerLine:
    """A connection to one server (or to the one that Sentinel names)."""

    def __init__(self, client: Redis, keys: list[bytes]) -> None:
        """Take a connection of `client`'s pool when it is first needed."""
        self._pool: Final = client.connection_pool
        self._connection: AbstractConnection | None = None
        self._free: Final = asyncio.Lock()
        self._keys: Final = [b"%d" % len(keys), *keys]
        self._heads: Final[dict[str, bytes]] = {}

    async def fcall(self, function: str, request: bytes) -> bytes:
        """Return the function's reply; a connection that broke is replaced once."""
        command = b"%b$%d\r\n%b\r\n" % (self._head(function), len(request), request)
        async with self._free:
            try:
                return await self._send(command)
            except RedisConnectionError:
                return await self._send(command)

    def _head(self, function: str) -> bytes:
        """Return the command up to the request, which comes last: always the same."""
        if function not in self._heads:
            words = [b"FCALL", function.encode(), *self._keys]
            packed = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
            self._heads[function] = b"*%d\r\n%b" % (len(words) + 1, packed)
        return self._heads[function]

    async def _send(self, command: bytes) -> bytes:
        if self._connection is None:
            self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        connection = self._connection
        await connection.send_packed_command(command, check_health=False)
        return cast(bytes, await connection.read_response(disable_decoding=True))

    async def close(self) -> None:
        """Give the connection back to the pool."""
        if self._connection is not None:
            await self._pool.release(self._connection)
            self._connection = None


class ClusterLine:
    """The cluster's client, which finds the node that has the pool."""

    def __init__(self, client: RedisCluster, keys: list[bytes]) -> None:
        """Call through `client`."""
        self._client: Final = client
        self._keys: Final = keys

    async def fcall(self, function: str, request: bytes) -> bytes:
        """Return the function's reply."""
        reply = await self._client.fcall(function, len(self._keys), *self._keys, request)
        return cast(bytes, reply)

    async def close(self) -> None:
        """Leave the client to its owner."""
