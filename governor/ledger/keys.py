"""The ledger's keys in the store, all with the pool's hash tag: a cluster keeps them together."""

from typing import Final

LEASES: Final = "leases"
"""hash: lease id → packed record (held or waiting)"""
EXPIRIES: Final = "expiries"
"""sorted set: lease id by the time at which it ends (ms)"""
BOOK: Final = "book"
"""hash: scope → packed counts; `VERSION` and `NEXT_END`"""
PEAKS: Final = "peaks"
"""hash: scope → packed peaks of the last hour"""
POLICY: Final = "policy"
"""hash: the policy's document, and the digest of the file last loaded"""
QUEUE: Final = "queue"
"""sorted set, by name: who waits, as scope, rank, ticket, lease id"""
IDLE: Final = "idle"
"""sorted set: scopes that the policy does not name and nobody holds, by when they fell idle (ms)"""
RELEASED: Final = "released"
"""sorted set: the last released ids, by when (ms)"""
CONTROLLER: Final = "controller"
"""hash: who leads the controllers, what they remember, the flag `paused`, their status"""
SAMPLES: Final = "samples"
"""list: packed samples of the pool, one in 10 s, of the last hour, oldest first"""
DENIALS: Final = "denials"
"""hash: minute → packed counts of denials by scope and function"""

VERSION: Final = "version"
"""field of `BOOK`: the policy's version"""
NEXT_END: Final = "next_end"
"""field of `BOOK`: a time before which no lease ends (ms)"""

LEDGER_KEYS: Final = (LEASES, EXPIRIES, BOOK, PEAKS, POLICY, QUEUE, IDLE, RELEASED)
"""The keys of the ledger, in the order in which its Redis functions take them."""

POOL_KEYS: Final = (*LEDGER_KEYS, CONTROLLER, SAMPLES, DENIALS)
"""Every key of a pool."""


def key(pool: str, name: str) -> str:
    """Return the full name of one of `pool`'s keys (or channels)."""
    return f"{{{pool}}}:{name}"


def pool_keys(pool: str) -> list[str]:
    """Return the ledger's keys of `pool`, in the order in which its Redis functions take them."""
    return [key(pool, name) for name in LEDGER_KEYS]
