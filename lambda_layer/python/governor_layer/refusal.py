"""What becomes of an invocation that is denied. Loaded with the first one that is."""

from . import journal
from .breaker import PAUSE_S
from .checkin import Desk, UnavailableError
from .denial import RAISE, RUN, ConcurrencyLimitExceeded, Denial, answer, way
from .source import source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .settings import Settings


def unasked(reason: str) -> Denial:
    """The denial of a governor that can't be asked, where the function must not run without it."""
    return Denial(
        f"the governor can't be asked, and GOVERNOR_FAIL is closed: {reason}",
        retry_after_ms=int(PAUSE_S * 1000),
    )


def settled(
    desk: Desk, settings: "Settings", denial: Denial, event: object, context: object
) -> "tuple[str | None, dict[str, object]]":
    """The lease of an invocation that runs as an overrun, else None and what it returns.

    Raises:
        ConcurrencyLimitExceeded: the source of `event` is told by an exception.

    """
    source = source_of(event)
    outcome = way(source, settings.on_denied, denial)
    _log(denial, outcome, context)
    if outcome == RUN and denial.lease_id is not None:
        untold = _untold(desk, denial.lease_id, context)
        if untold is None or not settings.fails_closed:
            return denial.lease_id, {}
        desk.check_out(denial.lease_id)
        return settled(desk, settings, unasked(untold), event, context)
    if outcome == RAISE:
        raise ConcurrencyLimitExceeded(denial)
    return None, answer(source, event, denial)


def _untold(desk: Desk, lease_id: str, context: object) -> str | None:
    """Have an overrun counted; return why it could not be, or None."""
    try:
        desk.overrun(lease_id, context)
    except UnavailableError as error:
        return str(error)
    return None


def _log(denial: Denial, outcome: str, context: object) -> None:
    journal.write(
        "WARN",
        "denied",
        reason=denial.reason,
        denied_by=denial.denied_by,
        max_concurrency=denial.max_concurrency,
        in_use=denial.in_use,
        retry_after_ms=denial.retry_after_ms,
        request_id=str(getattr(context, "aws_request_id", "")),
        outcome=outcome,
    )
