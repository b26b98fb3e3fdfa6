"""From a store's URL to a client: one server, a server found through Sentinel, or a cluster."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException

from governor.errors import SettingsError

STORE_TIMEOUT_S: Final = 1.0
"""Longest time for one answer of the store; after it the store counts as unreachable."""

Client = Redis | RedisCluster

FORMS: Final = (
    "redis://host:6379/0, rediss://…, unix:///path/to.sock, "
    "redis+cluster://host:6379, redis+sentinel://host:26379,host2:26379/service/0"
)


def connect(url: str) -> Client:
    """Return a client for the store at `url`; it connects when it is first used.

    A connection that died while it was idle is replaced once and the command sent again: every
    command of the ledger may be sent twice. Raises `SettingsError` for an address of another form.
    """
    # Nothing but a broken connection is tried again: waiting twice would be hanging.
    once_more = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
    options: dict[str, Any] = {
        # The client's own limit would cost each command a task; LedgerClient sets one instead.
        "socket_timeout": None,
        "socket_connect_timeout": STORE_TIMEOUT_S,
        "retry": once_more,
    }
    scheme = url.partition("://")[0]
    try:
        match scheme:
            case "redis" | "rediss" | "unix":
                return Redis.from_url(url, **options)
            case "redis+cluster" | "rediss+cluster":
                return RedisCluster.from_url(url.replace("+cluster", "", 1), **options)
            case "redis+sentinel" | "rediss+sentinel":
                return _through_sentinel(url, options)
    except ValueError as error:
        raise SettingsError(f"--store {redacted(url)}: {error}; expected {FORMS}") from error
    raise SettingsError(f"--store {redacted(url)}: unknown scheme; expected {FORMS}")


@asynccontextmanager
async def server_with(client: Client, key: str) -> AsyncIterator[Redis]:
    """Provide a client of the one server that has `key`, for what a cluster does not do as a whole.

    Raises redis-py's errors.
    """
    if isinstance(client, Redis):
        yield client
        return
    await client.initialize()
    node = client.get_node_from_key(key)
    if node is None:
        raise RedisClusterException(f"no node of the cluster serves the slot of {key}")
    pool = ConnectionPool(node.connection_class, **node.connection_kwargs)
    async with Redis.from_pool(pool) as server:
        yield server


async def close(client: Client) -> None:
    """Drop the connections of `client`, those to sentinels among them; used again it connects."""
    await client.aclose()
    if isinstance(client, Redis) and isinstance(client.connection_pool, SentinelConnectionPool):
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def redacted(url: str) -> str:
    """Return `url` without its passwords."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    if ":" in credentials:
        credentials = credentials.partition(":")[0] + ":***"
    place = re.sub(r"(password=)[^&]*", r"\1***", place)
    return f"{scheme}{separator}{credentials}{at}{place}"


def _through_sentinel(url: str, options: dict[str, Any]) -> Redis:
    parts = urlsplit(url)
    credentials, _, places = parts.netloc.rpartition("@")
    username, _, password = (unquote(text) for text in credentials.partition(":"))
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("the name of the service is missing after the sentinels")
    sentinels = []
    for place in places.split(","):
        host, _, port = place.rpartition(":")
        sentinels.append((host or port, int(port) if host else 26379))
    query = parse_qs(parts.query)
    sentinel = Sentinel(  # type: ignore[no-untyped-call] # redis-py has no types here
        sentinels,
        sentinel_kwargs={
            "socket_timeout": STORE_TIMEOUT_S,
            "socket_connect_timeout": STORE_TIMEOUT_S,
            "username": query.get("sentinel_username", [None])[-1],
            "password": query.get("sentinel_password", [None])[-1],
        },
        ssl=parts.scheme.startswith("rediss"),
        username=username or None,
        password=password or None,
        db=int(database or 0),
        **options,
    )
    found: Redis = sentinel.master_for(service)
    return found
