"""When not to ask: an outage of the governor costs at most one timeout per interval."""

import threading
import time

from . import journal

PAUSE_S = 5.0


class Breaker:
    """Open from a failure to ask until the next answer; safe for threads.

    Only a failure that took time (nobody answered) makes it pause: a refusal that came at once
    costs nothing, and the sooner a governor that is itself cut off recovers, the fewer invocations
    run ungoverned. A failure is logged when it opens the breaker, and its end is.
    """

    def __init__(self) -> None:
        """Start closed."""
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._paused_until = 0.0

    def pause(self) -> str | None:
        """Why not to ask now, or None."""
        return self._reason if time.monotonic() < self._paused_until else None

    def failed(self, reason: str, *, unreachable: bool) -> None:
        """Take note that the governor could not be asked."""
        pause_s = PAUSE_S if unreachable else 0.0
        with self._lock:
            opens = self._reason is None
            self._reason = reason
            self._paused_until = time.monotonic() + pause_s
        if opens:
            journal.write("WARN", "breaker opened", reason=reason, pause_s=pause_s)

    def answered(self) -> None:
        """Take note that the governor has granted or denied."""
        with self._lock:
            closes = self._reason is not None
            self._reason = None
        if closes:
            journal.write("INFO", "breaker closed")
