"""What happens around a handler: check in, run it (or not), check out."""

import functools
import os

from . import journal
from .breaker import PAUSE_S
from .checkin import Desk, UnavailableError
from .denial import Denial, answer
from .settings import BadSettingError, Settings, fails_closed, is_disabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # What a handler is given and returns is its own affair and Lambda's.
    from typing import Any, TypeAlias

    Handler: TypeAlias = Callable[[Any, Any], Any]


def governed(handler: "Handler") -> "Handler":
    """Let `handler` run only within its function's concurrency limits.

    What it is given, returns and raises passes through untouched. Governing twice is governing
    once: a decorated handler may have the exec wrapper before it.
    """
    if getattr(handler, "__governed__", None) is True:
        return handler

    @functools.wraps(handler)
    def invoke(event: object, context: object) -> object:
        return _gate().run(handler, event, context)

    vars(invoke)["__governed__"] = True
    return invoke


class Gate:
    """Stands before the handler of one function, as the variables in `environ` want it to."""

    def __init__(self, environ: "Mapping[str, str]") -> None:
        """Read the variables. One that is bad is logged, and then GOVERNOR_FAIL decides."""
        self._desk: Desk | None = None
        self._out_of_order = "GOVERNOR_DISABLED is set"
        self._fails_closed = False
        if is_disabled(environ):
            return
        try:
            self._fails_closed = fails_closed(environ)
            self._desk = Desk(Settings(environ))
        except BadSettingError as error:
            self._out_of_order = str(error)
            journal.write("WARN", "bad setting", reason=str(error))

    def run(self, handler: "Handler", event: object, context: object) -> object:
        """Run `handler` if it may run now, and return what the source of `event` is to get.

        Raises:
            ConcurrencyLimitExceeded: it may not, and its event's source is told by an exception.

        """
        outcome = self._check_in(event, context)
        if isinstance(outcome, Denial):
            return _deny(event, outcome, context)
        try:
            return handler(event, context)
        finally:
            if self._desk is not None and outcome is not None:
                self._desk.check_out(outcome)

    def _check_in(self, event: object, context: object) -> str | Denial | None:
        """The id of the lease that the invocation holds, a denial, or None: run it ungoverned."""
        if self._desk is None:
            return self._unasked(self._out_of_order)
        try:
            return self._desk.check_in(event, context)
        except UnavailableError as error:
            return self._unasked(str(error))

    def _unasked(self, reason: str) -> Denial | None:
        if not self._fails_closed:
            return None
        return Denial(
            f"the governor can't be asked, and GOVERNOR_FAIL is closed: {reason}",
            retry_after_ms=int(PAUSE_S * 1000),
        )


@functools.cache
def _gate() -> Gate:
    """The process's one gate: made at the first invocation, when nothing can be in a snapshot."""
    return Gate(os.environ)


def _deny(event: object, denial: Denial, context: object) -> object:
    journal.write(
        "WARN",
        "denied",
        reason=denial.reason,
        denied_by=denial.denied_by,
        max_concurrency=denial.max_concurrency,
        in_use=denial.in_use,
        retry_after_ms=denial.retry_after_ms,
        request_id=str(getattr(context, "aws_request_id", "")),
    )
    return answer(event, denial)
