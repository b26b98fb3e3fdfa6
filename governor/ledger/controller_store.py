"""What the controllers of a pool share through its store: who leads, and what the leader writes.

Leadership is a lease by the store's clock that counts in no scope. Nothing here decides what the
controller does; documents are JSON that the store does not read.
"""

from dataclasses import dataclass
from typing import Final, cast

from governor.ledger import keys
from governor.ledger.store import Store

_LEADER: Final = "leader"
_LEADS_UNTIL: Final = "leads_until"
_MEMORY: Final = "memory"
_PAUSED: Final = "paused"
_STATUS: Final = "status"


@dataclass(frozen=True, slots=True)
class Reign:
    """An answer to who wants to lead. `term` None: another one leads."""

    term: int | None
    now_ms: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The controller as any process of the pool sees it.

    `leader` None: nobody leads now. `status` is the last that a leader wrote, None: none ever did.
    """

    leader: str | None
    paused: bool
    status: bytes | None


class ControllerStore:
    """Access to what the controllers of one pool share.

    Every call raises `StoreUnavailableError` as the ledger's do, and may be sent twice when a
    connection breaks: all are idempotent, but for a new term that nobody hears of.
    """

    def __init__(self, store: Store) -> None:
        """Work in the pool of `store`."""
        self._store = store
        self._library = store.library
        self._key = store.key(keys.CONTROLLER)

    async def lead(self, id_: str, ttl_ms: int, *, depose: bool = False) -> Reign:
        """Make the controller `id_` the leader for `ttl_ms` from now, or keep it for longer.

        With `depose` another leader ends now, and finds out with the next thing that it does.
        """
        term, now_ms, paused = cast(
            list[int], await self._fcall(self._library.lead, id_, ttl_ms, int(depose))
        )
        return Reign(term or None, now_ms, bool(paused))

    async def resign(self, id_: str, term: int) -> None:
        """End the lease of the controller `id_`, if it is still that of `term`."""
        await self._fcall(self._library.resign, id_, term)

    async def record(
        self, id_: str, term: int, *, memory: bytes | None = None, status: bytes | None = None
    ) -> bool:
        """Write the given documents (one at least) if `id_` leads in `term`; say whether so."""
        written = {_MEMORY: memory, _STATUS: status}
        fields = [
            word
            for name, document in written.items()
            if document is not None
            for word in (name, document)
        ]
        return bool(await self._fcall(self._library.record, id_, term, *fields))

    async def documents(self) -> tuple[bytes | None, bytes | None]:
        """Return the memory and the status that the last leader wrote, None where none ever did."""
        memory, status = cast(
            list[bytes | None],
            await self._store.ask(self._store.redis.hmget, self._key, [_MEMORY, _STATUS]),
        )
        return memory, status

    async def pause(self) -> None:
        """Have no more action applied, by no leader, until `resume`."""
        await self._store.ask(self._store.redis.hset, self._key, _PAUSED, "1")

    async def resume(self) -> None:
        """Have actions applied again."""
        await self._store.ask(self._store.redis.hdel, self._key, _PAUSED)

    async def standing(self, now_ms: int) -> Standing:
        """Return who leads at `now_ms` by the store's clock, and what the leader tells."""
        leader, until_ms, paused, status = cast(
            list[bytes | None],
            await self._store.ask(
                self._store.redis.hmget, self._key, [_LEADER, _LEADS_UNTIL, _PAUSED, _STATUS]
            ),
        )
        leads = leader and int(until_ms or 0) > now_ms
        return Standing(leader.decode() if leader and leads else None, bool(paused), status)

    async def _fcall(self, function: str, *arguments: bytes | str | int) -> object:
        return await self._store.fcall(function, [self._key], *arguments)
