"""Time that a test sets: the ledger's own library with another clock in it.

Rules about minutes and hours can't be tested on the store's clock without waiting for it, and two
ledgers can only be compared when both see the same time. So the library is assembled once more with
a clock that reads a key. The product has no such switch: no caller of its library can bend time,
because the part that reads the store's `TIME` is the only one it ships.
"""

from typing import Final

from redis import Redis

from governor.ledger.library import PARTS, assemble, part

_KEY: Final = "{test}:clock"
_READ_THE_KEY: Final = f"""
local function now_us()
  return tonumber(redis.call('GET', '{_KEY}')) * 1000
end
"""

CLOCKED: Final = assemble({name: part(name) for name in PARTS} | {"clock": _READ_THE_KEY})
"""The ledger's library on a `Clock`."""

SOME_DAY_MS: Final = 1_750_000_000_000
"""June 2025, at the start of a 10 s bucket."""


class Clock:
    """The time of the `CLOCKED` ledgers in one store."""

    def __init__(self, store: Redis, now_ms: int = SOME_DAY_MS) -> None:
        """Set the clock to `now_ms`."""
        self._store = store
        self.now_ms = now_ms
        self.advance(0)

    def advance(self, by_ms: int) -> None:
        """Let `by_ms` pass."""
        self.now_ms += by_ms
        self._store.set(_KEY, self.now_ms)
