"""More invocations at once than the limits allow: a client thread for each environment."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, Self

from governor.demo.environment import Answer, EnvironmentStartError
from governor.demo.fleet import Placed

HOLD_MS: Final = (100, 400)
"""How long a handler works, shortest and longest."""

RETRY_AFTER_MS: Final = (100, 250)
"""How long a client waits after a denial before it tries again."""

INIT_TIMEOUT_S: Final = 60.0
"""How long it may take until all environments have answered for the first time."""

SEED: Final = 8642


class Outcome(StrEnum):
    """What came of an invocation."""

    GRANTED = "granted"
    DENIED = "denied"
    FAILED = "failed"


def outcome(answer: Answer) -> Outcome:
    """Tell what came of an invocation by what its caller got."""
    match answer:
        case Answer(200, {"worked": True}):
            return Outcome.GRANTED
        case Answer(200, {"statusCode": 429} | {"errorType": "ConcurrencyLimitExceeded"}):
            return Outcome.DENIED
        case _:
            return Outcome.FAILED


class Traffic:
    """Closed loops of invocations, and a tally of what came of them.

    A first invocation of each environment initialises its runtime; when all have answered, the load
    begins, at `begun_ns` of the monotonic clock. `failures` says what went wrong.
    """

    def __init__(self, placed: Sequence[Placed]) -> None:
        """Invoke nothing yet."""
        self.tally: Counter[tuple[str, Outcome]] = Counter()
        self.failures: list[str] = []
        self.begun_ns = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._initialised = threading.Barrier(len(placed) + 1)
        seeds = random.Random(SEED)  # noqa: S311 - the same load at every run
        self._clients = [
            threading.Thread(target=self._client, args=(each, random.Random(seeds.random())))  # noqa: S311
            for each in placed
        ]

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start all clients, and yield when the load begins. Left, what is under way finishes.

        Raises:
            EnvironmentStartError: an environment does not initialise.

        """
        for client in self._clients:
            client.start()
        try:
            try:
                self._initialised.wait(INIT_TIMEOUT_S)
            except threading.BrokenBarrierError as error:
                reason = "; ".join(self.failures) or f"not ready within {INIT_TIMEOUT_S:.0f} s"
                raise EnvironmentStartError(reason) from error
            self.begun_ns = time.monotonic_ns()
            yield self
        finally:
            self._ended.set()
            self._initialised.abort()
            for client in self._clients:
                client.join()

    def _client(self, placed: Placed, dice: random.Random) -> None:
        try:
            self._invoke(placed, hold_ms=0)
            self._initialised.wait()
            while not self._ended.is_set():
                came = self._invoke(placed, hold_ms=dice.uniform(*HOLD_MS))
                rest_ms = RETRY_AFTER_MS if came is Outcome.DENIED else placed.function.rest_ms
                self._ended.wait(dice.uniform(*rest_ms) / 1000)
        except threading.BrokenBarrierError:
            pass  # another environment does not initialise, or the user has had enough
        except EnvironmentStartError as error:
            self._fail(str(error))
            self._initialised.abort()

    def _invoke(self, placed: Placed, hold_ms: float) -> Outcome:
        answer = placed.environment.invoke({**placed.function.event, "hold_ms": hold_ms})
        came = outcome(answer)
        with self._lock:
            self.tally[placed.function.name, came] += 1
        if came is Outcome.FAILED:
            self._fail(f"{placed.function.name} answered {answer.status}: {answer.body}")
        return came

    def _fail(self, what: str) -> None:
        with self._lock:
            self.failures.append(what)
