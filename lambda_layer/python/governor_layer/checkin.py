"""Check in and check out: acquire a lease of the governor, and release it."""

import json
import os

from .breaker import PAUSE_S, Breaker
from .connection import Connection, Deadline, StaleConnectionError
from .denial import Denial
from .http_answer import Answer, UnexpectedAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .settings import Settings

GRACE_MS = 2_000
"""How long a lease outlives its invocation's deadline at most: the governor's clock is its own, and
Lambda takes a moment to end what has timed out."""

MAX_TTL_MS = 20 * 60 * 1000
"""Longest life of a lease that the governor grants."""

FUNCTION_TIMEOUT_MS = 15 * 60 * 1000
"""Lambda's longest, taken for an invocation that does not say how long it may run."""


class UnavailableError(Exception):
    """The governor could not be asked. Whether the invocation may run is for GOVERNOR_FAIL."""


class Desk:
    """Where invocations check in and out; safe for threads.

    A connection belongs to one thread at a time. It is taken from the idle ones, or made, and put
    back after use: there are as many as invocations have ever asked at once.
    """

    def __init__(self, settings: "Settings") -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._breaker = Breaker()
        self._idle: list[Connection] = []  # append and pop are atomic

    def check_in(self, event: object, context: object) -> str | Denial:
        """The id of the lease that the invocation now holds, or the denial.

        Raises:
            UnavailableError: the governor is slow, gone, or makes no sense.

        """
        if (reason := self._breaker.pause()) is not None:
            raise UnavailableError(f"not asked again within {PAUSE_S:g} s: {reason}")
        try:
            outcome = self._acquire(event, context)
        except Exception as error:  # nothing that goes wrong here is to harm the invocation
            reason = str(error) or type(error).__name__
            self._breaker.failed(reason, unreachable=isinstance(error, OSError))
            raise UnavailableError(reason) from error
        self._breaker.answered()
        return outcome

    def check_out(self, lease_id: str) -> None:
        """Give the lease back, without waiting for the answer. Raises nothing."""
        connection = self._connection()
        try:
            connection.tell("DELETE", f"/v1/leases/{lease_id}", Deadline(self._settings.timeout_s))
        except Exception as error:  # noqa: BLE001 - the handler is done, and its result stands
            self._breaker.failed(str(error), unreachable=True)
        finally:
            self._idle.append(connection)

    def _acquire(self, event: object, context: object) -> str | Denial:
        remaining_ms = _remaining_ms(context)
        timeout_s = self._settings.timeout_s
        # A wait beyond the invocation's own end would only turn a denial into a timeout.
        wait_ms = max(0, min(self._settings.wait_ms, int(remaining_ms - timeout_s * 1000)))
        body: dict[str, object] = {
            "function": self._settings.function,
            "ttl_ms": max(1, min(remaining_ms + GRACE_MS, MAX_TTL_MS)),
        }
        if wait_ms:
            body["wait_ms"] = wait_ms
        if (attempt := receive_count(event)) is not None:
            body["attempt"] = attempt
        request_id = _request_id(context)
        deadline = Deadline(timeout_s + wait_ms / 1000)
        connection = self._connection()
        try:
            while True:
                # Each try has an id of its own: the governor releases what it has granted to a
                # connection that died, and that must not be what the next try was granted.
                lease_id = f"{request_id}:{os.urandom(4).hex()}"
                sent = json.dumps({"id": lease_id, **body}).encode()
                try:
                    answer = connection.ask("POST", "/v1/leases", sent, deadline)
                    break
                except StaleConnectionError:
                    continue  # the next one is new, and a new one is not stale
        finally:
            self._idle.append(connection)
        return _outcome(answer, lease_id, self._settings.function)

    def _connection(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self._settings)


def receive_count(event: object) -> int | None:
    """How often the message of an SQS `event` that came most often has been received, 1 or more.

    None for every other event: it is not known which attempt it is.
    """
    try:
        records = event["Records"]  # type: ignore[index]  # whatever it is
        if not all(record["eventSource"] == "aws:sqs" for record in records):
            return None
        return max(int(record["attributes"]["ApproximateReceiveCount"]) for record in records)
    except (LookupError, TypeError, ValueError):
        return None


def _remaining_ms(context: object) -> int:
    try:
        return int(context.get_remaining_time_in_millis())  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):  # called by hand, as in a function's own tests
        return FUNCTION_TIMEOUT_MS


def _request_id(context: object) -> str:
    given = str(getattr(context, "aws_request_id", None) or "invocation")
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in given[:100])


def _outcome(answer: Answer, lease_id: str, function: str) -> str | Denial:
    try:
        body = json.loads(answer.body)
        if answer.status in {200, 201} and body["id"] == lease_id:
            return lease_id
        if answer.status == 429:  # noqa: PLR2004 - Too Many Requests
            denied_by, limit, in_use = body["denied_by"], body["max_concurrency"], body["in_use"]
            return Denial(
                reason=f"{function} is denied by {denied_by}: {in_use} of {limit} in use",
                retry_after_ms=int(body["retry_after_ms"]),
                denied_by=str(denied_by),
                max_concurrency=int(limit),
                in_use=int(in_use),
            )
    except (LookupError, TypeError, ValueError):
        pass
    raise UnexpectedAnswerError(f"the governor answered {answer.status}: {answer.body[:200]!r}")
