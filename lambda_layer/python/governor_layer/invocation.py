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
    if getattr(handler, "governed", False):
        return handler

    @functools.wraps(handler)
    def invoke(event: object, context: object) -> object:
        return _gate().run(handler, event, context)

    invoke.governed = True  # type: ignore[attr-defined] - functions take attributes
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
        try:
            if self._desk is None:
                raise UnavailableError(self._out_of_order)
            outcome = self._desk.check_in(event, context)
        except UnavailableError as error:
            if self._fails_closed:
                reason = f"the governor can't be asked, and GOVERNOR_FAIL is closed: {error}"
                return _deny(event, Denial(reason, int(PAUSE_S * 1000)), context)
        else:
            if isinstance(outcome, Denial):
                return _deny(event, outcome, context)
            try:
                return handler(event, context)
            finally:
                self._desk.check_out(outcome)
        return handler(event, context)


@functools.cache
def _gate() -> Gate:
    """This process's gate: made at the first invocation, when nothing can be in a snapshot."""
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
