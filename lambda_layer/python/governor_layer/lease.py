"""What is said of a lease, and what the governor's answer means. Pure."""

import json

from .http_message import Answer, UnexpectedAnswerError
from .settings import LONGEST_MS
from .source import ASYNC, attempt_of, source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .denial import Denial
    from .settings import Settings

GRACE_MS = 2_000
"""How long a lease outlives its invocation's deadline at most: the governor's clock is its own, and
Lambda takes a moment to end what has timed out."""

MAX_TTL_MS = 30_000
"""Longest life of a lease: when an environment is lost, its leases are back after that. An
invocation that takes longer renews its own."""


def check_in_body(
    function: str, event: object, context: object, wait_ms: int
) -> "dict[str, object]":
    """The body of a check-in, all but its id."""
    body: dict[str, object] = {"function": function, "ttl_ms": ttl_ms(context)}
    if wait_ms:
        body["wait_ms"] = wait_ms
    if (attempt := attempt_of(event)) is not None:
        body["attempt"] = attempt
    return body


def ttl_ms(context: object) -> int:
    """How long a lease lives from now on, unless it is renewed."""
    return max(1, min(_remaining_ms(context) + GRACE_MS, MAX_TTL_MS))


def is_outlived(context: object) -> bool:
    """Whether the invocation may run for longer than its lease lives."""
    return _remaining_ms(context) + GRACE_MS > MAX_TTL_MS


def max_wait_ms(settings: "Settings", event: object, context: object) -> int:
    """For how long the governor may keep the check-in until there is room."""
    if settings.on_denied == "run":
        return 0
    # The handler has to run after it, and nobody knows how long that takes.
    room = max(0, _remaining_ms(context) - settings.timeout_ms) // 2
    if settings.wait_ms:
        return min(settings.wait_ms, room)
    waits = settings.on_denied == "wait" or (
        settings.on_denied == "auto" and source_of(event) == ASYNC
    )
    return room if waits else 0


def budget_ms(settings: "Settings", context: object) -> float:
    """The most that silence may cost: half of the time left, or Lambda ends who waits for it.

    Nothing can be saved of an invocation that has no time left.
    """
    remaining_ms = _remaining_ms(context)
    return min(settings.timeout_ms, remaining_ms / 2 if remaining_ms > 0 else LONGEST_MS)


def request_id(context: object) -> str:
    """What the runtime calls the invocation, as far as it is fit for a path."""
    given = str(getattr(context, "aws_request_id", None) or "invocation")[:100]
    if given.isascii() and given.replace("-", "").isalnum():
        return given
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in given)


def outcome(answer: Answer, lease_id: str, function: str) -> "str | Denial":
    """The lease that has been granted, or the denial.

    Raises:
        UnexpectedAnswerError: it is neither.

    """
    try:
        body = json.loads(answer.body)
        if answer.status in {200, 201} and body["id"] == lease_id:
            return lease_id
        if answer.status == 429:  # noqa: PLR2004 - Too Many Requests
            from .denial import Denial  # noqa: PLC0415 - an invocation that is granted needs none

            numbers = [body[name] for name in ("max_concurrency", "in_use", "retry_after_ms")]
            denied_by = body["denied_by"]
            if isinstance(denied_by, str) and all(type(n) in {int, float} for n in numbers):
                limit, in_use, retry_after_ms = map(int, numbers)
                return Denial(
                    reason=f"{function} is denied by {denied_by}: {in_use} of {limit} in use",
                    retry_after_ms=retry_after_ms,
                    denied_by=denied_by,
                    max_concurrency=limit,
                    in_use=in_use,
                    lease_id=lease_id,
                )
    except (ArithmeticError, LookupError, TypeError, ValueError):
        pass
    raise _unexpected(answer)


def is_reinstated(answer: Answer) -> bool:
    """Whether a lease that has been renewed had been lost.

    Raises:
        UnexpectedAnswerError: it has not been renewed.

    """
    try:
        reinstated = json.loads(answer.body)["reinstated"]
        if answer.status == 200 and isinstance(reinstated, bool):  # noqa: PLR2004 - OK
            return reinstated
    except (LookupError, TypeError, ValueError):
        pass
    raise _unexpected(answer)


def _unexpected(answer: Answer) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(f"the governor answered {answer.status}: {answer.body[:200]!r}")


def _remaining_ms(context: object) -> int:
    try:
        return int(context.get_remaining_time_in_millis())  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - called by hand, as in a function's own tests, with anything
        return LONGEST_MS
