"""Check in and check out: acquire a lease of the governor, and release it."""

import json
import os
import time

from . import lease
from .breaker import PAUSE_S, Breaker
from .connection import Connection, Deadline, StaleConnectionError
from .http_message import Answer, UnexpectedAnswerError, head_lines, request

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .denial import Denial
    from .renewal import Renewals
    from .secret import Secret
    from .settings import Settings


SLOW = 4
"""An unexpected answer has cost something if it took more than this part of the timeout."""


class UnavailableError(Exception):
    """The governor could not be asked. Whether the invocation may run is for GOVERNOR_FAIL."""


class Desk:
    """Where invocations check in and out; safe for threads.

    A connection belongs to one thread at a time. It is taken from the idle ones, or made, and put
    back after use: there are as many as invocations have ever asked at once.
    """

    def __init__(self, settings: "Settings") -> None:
        """Load what checking in takes. Connect to nothing, draw nothing at random."""
        self._settings = settings
        self._leases = f"{settings.prefix}/v1/leases"
        self._trust: ssl.SSLContext | None = None
        if settings.tls:
            from . import tls  # noqa: PLC0415 - what only https is to cost

            self._trust = tls.context()
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what is another process's: the one forked from, or made of the same snapshot."""
        self._breaker = Breaker()
        self._idle: list[Connection] = []  # append and pop are atomic
        self._held: dict[str, object] = {}  # the context of each lease's invocation
        self._renewals: Renewals | None = None
        self._secret: Secret | None = None
        self._head = self._head_with(self._settings.token)

    def check_in(self, event: object, context: object) -> "str | Denial":
        """The id of the lease that the invocation now holds, or the denial.

        Raises:
            UnavailableError: the governor is slow, gone, or makes no sense.

        """
        if (reason := self._breaker.refusal()) is not None:
            raise UnavailableError(f"not asked again within {PAUSE_S:g} s: {reason}")
        began = time.monotonic()
        try:
            outcome = self._acquire(event, context)
        except Exception as error:  # nothing that goes wrong here is to harm the invocation
            raise self._unavailable(error, began) from error
        self._breaker.answered()
        return outcome

    def overrun(self, lease_id: str, context: object) -> None:
        """Tell the governor that the invocation runs though `lease_id` was denied.

        To renew a lease that the ledger does not know is to have it counted as an overrun.

        Raises:
            UnavailableError: it could not be told.

        """
        began = time.monotonic()
        self._held[lease_id] = context  # to be given back in any case: it may have been counted
        try:
            self._renew_if_outlived(lease_id, context)  # which reports it again if this fails
            lease.is_reinstated(self._ask(lambda: (self._renewal(lease_id, context), b""), context))
        except Exception as error:  # as above
            raise self._unavailable(error, began) from error

    def check_out(self, lease_id: str) -> None:
        """Give the lease back, without waiting for the answer. Raises nothing."""
        if lease_id not in self._held:
            return  # the handler has forked, and the lease is the parent's
        context = self._held.pop(lease_id)
        if self._renewals is not None:
            self._renewals.end(lease_id)
        # While nobody can be reached it is kept for when somebody is.
        patience_ms = 0 if self._breaker.is_pausing() else lease.budget_ms(self._settings, context)
        connection = self._connection()
        try:
            connection.tell(self._release(lease_id), patience_ms / 1000)
        except Exception as error:  # noqa: BLE001 - the handler is done, and its result stands
            if patience_ms:
                self._breaker.failed(str(error), pauses=True)
        finally:
            self._idle.append(connection)

    def _acquire(self, event: object, context: object) -> "str | Denial":
        request_id = lease.request_id(context)
        wait_ms = lease.max_wait_ms(self._settings, event, context)
        body = lease.check_in_body(self._settings.function, event, context, wait_ms)
        lease_id = ""

        def check_in() -> tuple[bytes, bytes]:
            # Each try has an id of its own: what the last one may have been granted is released,
            # by us or by a governor that has seen us hang up, whenever that gets through.
            nonlocal lease_id
            lease_id = f"{request_id}:{os.urandom(4).hex()}"
            asked = json.dumps({"id": lease_id, **body})
            return request("POST", self._leases, self._head, asked), self._release(lease_id)

        outcome = lease.outcome(
            self._ask(check_in, context, wait_ms), lease_id, self._settings.function
        )
        if isinstance(outcome, str):
            self._held[outcome] = context
            self._renew_if_outlived(outcome, context)
        return outcome

    def _ask(
        self, make: "Callable[[], tuple[bytes, bytes]]", context: object, wait_ms: int = 0
    ) -> Answer:
        """The answer to the request that `make` makes for each try; it may take `wait_ms` more.

        Beside it is what takes it back.
        """
        if self._settings.secret and not self._settings.token and self._secret is None:
            from .secret import Secret  # noqa: PLC0415 - few have one

            secret = Secret(self._settings.secret)
            self._head = self._head_with(secret.token())
            self._secret = secret
        connection = self._connection()
        try:
            answer = _tried(connection, make, self._deadline(context, wait_ms))
            if answer.status == 401 and self._secret is not None and self._secret.has_changed():  # noqa: PLR2004
                self._head = self._head_with(self._secret.token())
                answer = _tried(connection, make, self._deadline(context, wait_ms))
        finally:
            self._idle.append(connection)
        return answer

    def _deadline(self, context: object, wait_ms: int = 0) -> Deadline:
        """When an answer has to be there that may keep the invocation waiting for `wait_ms`."""
        timeout_s = lease.budget_ms(self._settings, context) / 1000
        if not wait_ms:
            return Deadline(timeout_s)

        def more() -> float:
            # Silence is either: the invocation is waiting in line, or nobody is there.
            probe = request("GET", f"{self._settings.prefix}/healthz", self._head)
            try:
                self._new_connection().ask(probe, self._deadline(context))
            except (OSError, UnexpectedAnswerError) as error:
                raise TimeoutError("timed out") from error
            return wait_ms / 1000

        return Deadline(timeout_s, more)

    def _renew_if_outlived(self, lease_id: str, context: object) -> None:
        if not lease.is_outlived(context):
            return
        if self._renewals is None:
            from .renewal import Renewals  # noqa: PLC0415 - short invocations do without

            try:
                self._renewals = Renewals(
                    self._new_connection(), self._renewal, self._settings.timeout_ms / 1000
                )
            except RuntimeError:  # no room for a thread: the next long invocation tries again
                return
        self._renewals.begin(lease_id, context)

    def _release(self, lease_id: str) -> bytes:
        return request("DELETE", f"{self._leases}/{lease_id}", self._head)

    def _renewal(self, lease_id: str, context: object) -> bytes:
        body = {"function": self._settings.function, "ttl_ms": lease.ttl_ms(context)}
        return request("POST", f"{self._leases}/{lease_id}/renew", self._head, json.dumps(body))

    def _unavailable(self, error: Exception, began: float) -> UnavailableError:
        reason = str(error) or type(error).__name__
        slow = time.monotonic() - began > self._settings.timeout_ms / SLOW / 1000
        unexpected = isinstance(error, UnexpectedAnswerError)
        self._breaker.failed(reason, pauses=isinstance(error, OSError) or (unexpected and slow))
        return UnavailableError(reason)

    def _head_with(self, token: str) -> str:
        credential = (f"Authorization: Bearer {token}",) if token else ()
        return head_lines(self._settings.host, self._settings.port, *credential)

    def _connection(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._new_connection()

    def _new_connection(self) -> Connection:
        return Connection(self._settings.host, self._settings.port, self._trust)


def _tried(
    connection: Connection, make: "Callable[[], tuple[bytes, bytes]]", deadline: Deadline
) -> Answer:
    while True:
        request, undo = make()
        try:
            return connection.ask(request, deadline, undo)
        except StaleConnectionError:
            continue  # the next one is new, and is stale at most after what has been told is done
