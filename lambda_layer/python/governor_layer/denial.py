"""A denial, and the shape of it that each event source handles best. Pure.

Loaded when the first one comes.
"""

from .source import ALB, ASYNC, CALLER, HTTP, WEBSOCKET

MAX_RETRY_AFTER_S = 900

ANSWER = "answer"
"""Return a 429 answer."""

RAISE = "raise"
"""Raise ConcurrencyLimitExceeded."""

RUN = "run"
"""Run the handler nevertheless, as an overrun."""


class Denial:
    """The answer "no": who says so, why, when to try again, and to which check-in.

    Without `denied_by` and `lease_id` nobody could be asked, and GOVERNOR_FAIL is closed.
    """

    __slots__ = ("denied_by", "in_use", "lease_id", "max_concurrency", "reason", "retry_after_ms")

    def __init__(  # noqa: PLR0913 - what a denial consists of
        self,
        reason: str,
        retry_after_ms: int,
        *,
        denied_by: str | None = None,
        max_concurrency: int | None = None,
        in_use: int | None = None,
        lease_id: str | None = None,
    ) -> None:
        """Keep the parts."""
        self.reason = reason
        self.retry_after_ms = retry_after_ms
        self.denied_by = denied_by
        self.max_concurrency = max_concurrency
        self.in_use = in_use
        self.lease_id = lease_id


class ConcurrencyLimitExceeded(Exception):  # noqa: N818 - users match this errorType in retry rules
    """The invocation was not run, as one of its concurrency limits has been reached."""

    def __init__(self, denial: Denial) -> None:
        """Say what the `denial` says."""
        super().__init__(denial.reason)
        self.denial = denial


def way(source: str, on_denied: str, denial: Denial) -> str:
    """ANSWER, RAISE or RUN: what a `denial` means for an event of the kind `source`.

    `on_denied` is GOVERNOR_ON_DENIED. Only what the governor can count as an overrun may run.
    """
    if on_denied == "respond":
        return ANSWER if source in {HTTP, ALB, WEBSOCKET, CALLER} else RAISE
    runs = on_denied == "run" or (on_denied != "raise" and source == ASYNC)
    if runs and denial.lease_id is not None:
        return RUN
    return ANSWER if on_denied != "raise" and source in {HTTP, ALB, WEBSOCKET} else RAISE


def answer(source: str, event: object, denial: Denial) -> dict[str, object]:
    """What a handler that may not run returns to a source of the kind `source`."""
    if source == WEBSOCKET:
        return {"statusCode": 429}
    shape: dict[str, object] = {"statusCode": 429, "body": BODY, "isBase64Encoded": False}
    seconds = min(max(1, -(-denial.retry_after_ms // 1000)), MAX_RETRY_AFTER_S)
    headers = {"content-type": "application/json", "retry-after": str(seconds)}
    if source == ALB:
        shape["statusDescription"] = "429 Too Many Requests"
        if isinstance(event, dict) and event.get("multiValueHeaders") is not None:
            return {**shape, "multiValueHeaders": {name: [headers[name]] for name in headers}}
    return {**shape, "headers": headers}


BODY = '{"message":"Too Many Requests"}'
"""API Gateway's own for a throttled request. It may go to the public, which scopes and limits are
no business of."""
