"""Which kind of source an event comes from, told by the event alone, as that is all there is. Pure.

Kinds are told apart only as far as their sources want to be treated differently.
"""

HTTP = "http"
"""REST and HTTP APIs, function URLs: a client waits, and takes an answer with a status."""

ALB = "alb"
"""Application Load Balancer: the same, with a status description."""

WEBSOCKET = "websocket"
"""WebSocket API: a status, and nothing else."""

CALLER = "caller"
"""Direct, Step Functions, AppSync, whatever is not known: somebody waits for the returned value."""

POLLED = "polled"
"""SQS, Kinesis, DynamoDB, Kafka, MQ: any returned value means that the records are done with."""

VERDICT = "verdict"
"""Authorizers, Cognito: a returned value has a meaning of the source's own."""

ASYNC = "async"
"""S3, SNS, EventBridge, more of AWS's services: nobody waits, and an error leaves two retries."""

_ASYNC_RECORDS = {"aws:s3", "aws:sns", "aws:ses", "aws:codecommit"}

_ASYNC_MEMBERS = {"awslogs", "alarmData", "invokingEvent", "ResponseURL", "CodePipeline.job"}
"""By which CloudWatch's logs and alarms, Config, CloudFormation and CodePipeline are told."""

MAX_ATTEMPT = 1_000_000
"""Highest number of an attempt that the governor takes."""


def source_of(event: object) -> str:
    """The kind of the source of `event`, whatever that is."""
    if isinstance(event, list):  # so EventBridge Pipes hands over what it has polled
        return CALLER if _named_by(event) is None else POLLED
    if not isinstance(event, dict):
        return CALLER
    records = event.get("Records")
    if isinstance(records, list):
        # Whoever else sends records must not take them for done without a word of the handler.
        return ASYNC if _named_by(records) in _ASYNC_RECORDS else POLLED
    if isinstance(event.get("eventSource"), str):
        return POLLED
    if ("detail-type" in event and "source" in event) or not _ASYNC_MEMBERS.isdisjoint(event):
        return ASYNC
    return VERDICT if _asks_for_verdict(event) else _requested(event)


def attempt_of(event: object) -> int | None:
    """How often the message of an SQS `event` that came most often has been received, 1 or more.

    None for every other event: it is not known which attempt it is.
    """
    records = event.get("Records") if isinstance(event, dict) else event
    if not isinstance(records, list) or _named_by(records) != "aws:sqs":
        return None
    try:
        highest = max(_count(record["attributes"]) for record in records)
    except (LookupError, TypeError, ValueError):
        return None
    return min(highest, MAX_ATTEMPT) if highest > 0 else None


def _count(attributes: "dict[str, object]") -> int:
    count = attributes["ApproximateReceiveCount"]
    text = str(count) if type(count) in {str, int} else ""
    if not (text.isascii() and text.isdigit()):  # int() takes more
        raise ValueError
    return int(text)


def _asks_for_verdict(event: "dict[object, object]") -> bool:
    # A Lambda authorizer's event looks like the request that it is to authorize, and has an ARN, or
    # in AppSync a token.
    return (
        "methodArn" in event
        or "routeArn" in event
        or "authorizationToken" in event
        or ("triggerSource" in event and "userPoolId" in event)
    )


def _requested(event: "dict[object, object]") -> str:
    """The kind of a request, by the context that API Gateway and load balancers give it."""
    context = event.get("requestContext")
    if not isinstance(context, dict):
        return CALLER
    if "messageDirection" in context:
        return WEBSOCKET
    if "elb" in context:
        return ALB
    payload_v2 = event.get("version") == "2.0" and isinstance(context.get("http"), dict)
    payload_v1 = "httpMethod" in event and "resource" in event and "stage" in context
    return HTTP if payload_v2 or payload_v1 else CALLER


def _named_by(records: "list[object]") -> str | None:
    """The one source that every one of `records` names, or None."""
    source = None
    for record in records:
        if not isinstance(record, dict):
            return None
        name = record.get("eventSource")
        if not (isinstance(name, str) and name):
            name = record.get("EventSource")
        if not isinstance(name, str) or source not in {None, name}:
            return None
        source = name
    return source
