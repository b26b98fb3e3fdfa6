"""A token bucket: so many calls a second on average, with some saved up for a burst."""

import threading
import time
from collections.abc import Callable


class Bucket:
    """Tokens that come at a steady rate and are taken one by one, of several threads at once."""

    def __init__(
        self, per_s: float, capacity: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with `capacity` tokens, which is the most there ever are; `clock` gives seconds.

        Whoever brings another clock has no patience: waiting is for real.
        """
        self._per_s = per_s
        self._capacity = capacity
        self._tokens = capacity
        self._clock = clock
        self._counted_at = clock()
        self._lock = threading.Lock()

    def take(self, keep: float, patience_s: float) -> bool:
        """Take a token, leaving `keep` of them; wait for it if that takes no more than patience_s.

        Returns whether there was one.
        """
        give_up_at = self._clock() + patience_s
        while True:
            wait_s = self._try(keep)
            if wait_s == 0:
                return True
            if self._clock() + wait_s > give_up_at:
                return False
            time.sleep(wait_s)

    def charge(self, tokens: int) -> None:
        """Take tokens that have been spent already, even if that leaves less than none."""
        with self._lock:
            self._tokens -= tokens

    def _try(self, keep: float) -> float:
        """Take a token, or return in how many seconds there may be one."""
        with self._lock:
            now = self._clock()
            grown = self._tokens + (now - self._counted_at) * self._per_s
            self._tokens = min(self._capacity, grown)
            self._counted_at = now
            lacking = keep + 1 - self._tokens
            if lacking <= 0:
                self._tokens -= 1
                return 0
            return lacking / self._per_s
