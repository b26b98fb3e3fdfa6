"""When not to ask: an outage of the governor costs at most one timeout per interval."""

import threading
import time

PAUSE_S = 5.0


class Breaker:
    """Open from a failure to ask until the next answer; safe for threads.

    Nobody being reached makes it pause, and so does an unexpected answer that took its time: what
    comes at once costs nothing, and the sooner a governor that is itself cut off recovers, the
    fewer invocations run ungoverned. An error of ours says nothing of the governor. A failure is
    logged when it opens the breaker, and its end is.
    """

    def __init__(self) -> None:
        """Start closed."""
        self._lock = threading.Lock()
        self._reason: str | None = None
        # The wall clock, for the monotonic one stands still while Lambda keeps the machine frozen.
        self._paused_at = 0.0  # 0: not paused, the last failure cost nothing

    def is_pausing(self) -> bool:
        """Whether nobody is to be asked now."""
        return 0 <= time.time() - self._paused_at < PAUSE_S

    def refusal(self) -> str | None:
        """Why not to ask now, or None: then ask, as nobody else will until you know.

        So one invocation finds out after a pause, however many run at once.
        """
        reason = self._reason
        if reason is None or self._paused_at == 0.0:
            return None
        with self._lock:
            if self.is_pausing():
                return reason
            self._paused_at = time.time()
        return None

    def failed(self, reason: str, *, pauses: bool) -> None:
        """Take note that the governor could not be asked; `pauses`: for a while it is not to be."""
        with self._lock:
            opens = self._reason is None
            self._reason = reason
            self._paused_at = time.time() if pauses else 0.0
        if opens:
            from . import journal  # noqa: PLC0415 - not on the way of an invocation that is granted

            pause_s = PAUSE_S if pauses else 0.0
            journal.write("WARN", "breaker opened", reason=reason, pause_s=pause_s)

    def answered(self) -> None:
        """Take note that the governor has granted or denied."""
        if self._reason is None:
            return
        with self._lock:
            closes = self._reason is not None
            self._reason, self._paused_at = None, 0.0
        if closes:
            from . import journal  # noqa: PLC0415

            journal.write("INFO", "breaker closed")
