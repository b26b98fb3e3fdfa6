"""Leases of long invocations, renewed while their handlers run.

Loaded with the first invocation that may outlive its lease.
"""

import contextlib
import threading
import time

from . import journal
from .connection import Connection, Deadline
from .lease import is_reinstated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_EVERY_S = 5.0
RENEW_EVERY_S = 10.0
"""A third of a lease's life, so that it outlives a renewal that gets lost."""


class _Held:
    """A lease that is held: whose it is, and when it is to be renewed."""

    __slots__ = ("context", "due")

    def __init__(self, context: object) -> None:
        self.context = context
        self.due = time.monotonic() + RENEW_EVERY_S


class Renewals:
    """A process's one thread that renews, over a connection of its own.

    It looks around at fixed times, so that an invocation need not wake it. A renewal that fails
    harms nothing and is tried again when it looks next.
    """

    def __init__(
        self,
        connection: Connection,
        renewal: "Callable[[str, object], bytes]",
        patience_s: float,
    ) -> None:
        """Start; `renewal` makes the request for a lease and the context of its invocation."""
        self._connection = connection
        self._renewal = renewal
        self._patience_s = patience_s
        self._held: dict[str, _Held] = {}
        threading.Thread(target=self._look, name="governor-renewals", daemon=True).start()

    def begin(self, lease_id: str, context: object) -> None:
        """Renew this lease from now on."""
        self._held[lease_id] = _Held(context)

    def end(self, lease_id: str) -> None:
        """Renew it no more."""
        self._held.pop(lease_id, None)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            for lease_id in list(self._held):
                held = self._held.get(lease_id)
                if held is None or time.monotonic() < held.due:
                    continue
                with contextlib.suppress(Exception):  # whatever it is, the handler goes on
                    self._renew(lease_id, held)

    def _renew(self, lease_id: str, held: _Held) -> None:
        deadline = Deadline(self._patience_s)
        self._connection.open(deadline)
        # Threads freeze with their process: whatever has taken time may have taken hours.
        if lease_id not in self._held:
            return
        answer = self._connection.ask(self._renewal(lease_id, held.context), deadline)
        reinstated = is_reinstated(answer)
        held.due = time.monotonic() + RENEW_EVERY_S
        if reinstated:
            journal.write("WARN", "lease reinstated", lease=lease_id)
