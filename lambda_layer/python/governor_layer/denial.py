"""A denial, and the shape of it that each event source handles best. Pure.

API Gateway, function URLs and load balancers get a 429 answer, which reaches the client. For every
other source a denial is an exception, so that the source tries again in its own way.
"""

import json

MAX_RETRY_AFTER_S = 900


class Denial:
    """The answer "no": who says so, why, and when to try again.

    Without `denied_by` nobody could be asked, and GOVERNOR_FAIL is closed.
    """

    __slots__ = ("denied_by", "in_use", "max_concurrency", "reason", "retry_after_ms")

    def __init__(
        self,
        reason: str,
        retry_after_ms: int,
        denied_by: str | None = None,
        max_concurrency: int | None = None,
        in_use: int | None = None,
    ) -> None:
        """Keep the parts."""
        self.reason = reason
        self.retry_after_ms = retry_after_ms
        self.denied_by = denied_by
        self.max_concurrency = max_concurrency
        self.in_use = in_use


class ConcurrencyLimitExceeded(Exception):  # noqa: N818 - users match this errorType in retry rules
    """The invocation was not run, as one of its concurrency limits has been reached."""

    def __init__(self, denial: Denial) -> None:
        """Say what the `denial` says."""
        super().__init__(denial.reason)
        self.denial = denial


def answer(event: object, denial: Denial) -> dict[str, object]:
    """What a handler that may not run returns to the source of `event`, whatever that is.

    Raises:
        ConcurrencyLimitExceeded: the source is told by an exception.

    """
    context = event.get("requestContext") if isinstance(event, dict) else None
    # A Lambda authorizer's event looks like the request that it is to authorize, and has an ARN.
    if (
        not isinstance(event, dict)
        or not isinstance(context, dict)
        or "methodArn" in event
        or "routeArn" in event
    ):
        raise ConcurrencyLimitExceeded(denial)
    if "messageDirection" in context:  # WebSocket API
        return {"statusCode": 429}
    if "elb" in context:  # Application Load Balancer
        many = event.get("multiValueHeaders") is not None
        return {**_too_many(denial, many=many), "statusDescription": "429 Too Many Requests"}
    payload_v2 = event.get("version") == "2.0" and isinstance(context.get("http"), dict)
    payload_v1 = "httpMethod" in event and "resource" in event and "stage" in context
    if payload_v2 or payload_v1:  # HTTP API or function URL; REST API
        return _too_many(denial, many=False)
    raise ConcurrencyLimitExceeded(denial)


def _too_many(denial: Denial, *, many: bool) -> dict[str, object]:
    """A 429 answer; `many` says that the source wants a list of values per header.

    The body is API Gateway's own for a throttled request. It may go to the public, which scopes and
    limits are no business of.
    """
    seconds = min(max(1, -(-denial.retry_after_ms // 1000)), MAX_RETRY_AFTER_S)
    headers = {"content-type": "application/json", "retry-after": str(seconds)}
    return {
        "statusCode": 429,
        **(
            {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
            if many
            else {"headers": headers}
        ),
        "body": json.dumps({"message": "Too Many Requests"}),
        "isBase64Encoded": False,
    }
