"""One process's access to the store of one pool: commands, the library's functions, trouble."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar, cast

from redis.exceptions import ReadOnlyError, RedisClusterException, RedisError, ResponseError

from governor.errors import StoreUnavailableError
from governor.ledger import keys
from governor.ledger.connection import STORE_TIMEOUT_S, Client, close, connect, redacted
from governor.ledger.library import Library, shipped

T = TypeVar("T")
P = ParamSpec("P")

PROBE_EVERY_S: Final = 0.1
"""How often a lost store is asked whether it is back."""

_ADVICE: Final = {
    r"permissions to|can't run this command": "its user needs ACL rules such as "
    "~{{{pool}}}:* &{{{pool}}}:* +@all -@dangerous +info",
    r"username-password|authenticated": "check the user name and the password in its address",
    r"unknown (sub)?command": "it has to be Redis 7.0, Valkey 7.2 or newer, with FCALL and "
    "FUNCTION under their own names",
    r"wrongtype": "another program has a key whose name begins with {{{pool}}}: there; give the "
    "governor another --pool or a database of its own",
    r"maxmemory": "it is full: raise its maxmemory, and see what else is in it",
}
"""What to do, by what Redis and Valkey say. Both word some of it differently."""


class Store:
    """Asks the store at one address.

    Every call raises `StoreUnavailableError` when the store can't do it, and from then on at once
    until the store answers again.
    """

    def __init__(self, url: str, pool: str, library: Library | None = None) -> None:
        """Prepare access to `pool` in the store at `url`; nothing connects yet."""
        self.url = redacted(url)
        self.pool = pool
        self.redis: Client = connect(url)
        self.library = library or shipped()
        self._lost: str | None = None
        self._probe: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self._lost is None

    def key(self, name: str) -> str:
        """Return the full name of one of the pool's keys (or channels)."""
        return keys.key(self.pool, name)

    async def fcall(
        self, function: str, on: list[str], *arguments: bytes | str | int
    ) -> bytes | int | list[bytes | int | None] | None:
        """Call `function` of the library on the keys `on`."""
        words = [*on, *arguments]
        reply = await self.with_library(self.redis.fcall, function, len(on), *words)
        return cast("bytes | int | list[bytes | int | None] | None", reply)

    async def with_library(
        self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function of the library; load the library first if the store lost it."""
        try:
            return await self.ask(call, *args, **kwargs)
        except _LibraryMissingError:
            await self.ask(self._load_library)
            return await self.ask(call, *args, **kwargs)

    async def ask(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `call` for as long as a store may take to answer."""
        if self._lost is not None:
            raise StoreUnavailableError(self._lost)
        try:
            return await self._attempt(call, *args, **kwargs)
        except ReadOnlyError as error:
            raise self._lose(
                f"the store at {self.url} is a read-only replica; "
                "if no primary takes its place soon, give the primary's address"
            ) from error
        except ResponseError as error:
            if "Function not found" in str(error):
                raise _LibraryMissingError from error
            raise StoreUnavailableError(
                f"the store at {self.url} refused: {error}; {self._advice(error) or 'see its log'}"
            ) from error
        except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
            advice = self._advice(error) or "check that it runs and that its address is right"
            raise self._lose(
                f"the store at {self.url} can't be reached: {str(error) or type(error).__name__}; "
                f"{advice}"
            ) from error

    async def close(self) -> None:
        """Drop all connections."""
        if self._probe is not None:
            self._probe.cancel()
            with suppress(asyncio.CancelledError):
                await self._probe
        await close(self.redis)

    def _advice(self, error: Exception) -> str | None:
        for words, advice in _ADVICE.items():
            if re.search(words, f"{error}", re.IGNORECASE):
                return advice.format(pool=self.pool)
        return None

    async def _load_library(self) -> None:
        try:
            await self.redis.function_load(self.library.source)
        except ResponseError as error:  # another process was faster
            if "already exists" not in str(error):
                raise

    async def _attempt(
        self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                return await call(*args, **kwargs)
        except ReadOnlyError:
            # A demoted primary keeps its connections, while its name may be its successor's by
            # now. redis-py looks names up when it connects, and minds this with Sentinel only.
            await close(self.redis)
            raise

    def _lose(self, lost: str) -> StoreUnavailableError:
        if self._lost is None:
            self._lost = lost
            self._probe = asyncio.create_task(self._find_again())
        return StoreUnavailableError(lost)

    async def _find_again(self) -> None:
        """Ask until the store takes writes, so that no request has to find out by waiting."""
        while self._lost is not None:
            await asyncio.sleep(PROBE_EVERY_S)
            with suppress(RedisError, RedisClusterException, OSError, TimeoutError):
                await self._attempt(self.redis.hdel, self.key(keys.POLICY), "")
                self._lost = None


class _LibraryMissingError(Exception):
    """The store does not have the library (it lost it, or never had it)."""
