"""Who calls a function: what its event-source mappings and resource policies say. Pure.

Which services wait for an answer is from the developer guide, "Invoking Lambda with events from
other AWS services". Callers that go by a role of their own (Step Functions, AppSync, code) leave no
trace in either.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from governor.fleet.function import EventSourceMapping


class Kind(StrEnum):
    """How a source calls, which decides whether someone waits for the answer."""

    API = "API"
    SYNC = "sync"
    """A service that waits for the answer, or may."""
    SQS = "SQS"
    STREAM = "stream"
    ASYNC = "async"


class Source(Struct, frozen=True, order=True):
    """A source by its kind and name, such as API Gateway."""

    kind: Kind
    name: str


URL: Final = Source(Kind.API, "function URL")

_QUEUE: Final = "sqs"
_POLLED: Final = {
    "sqs": "SQS",
    "kinesis": "Kinesis",
    "dynamodb": "DynamoDB",
    "kafka": "Kafka",
    "self-managed": "Kafka",
    "mq": "MQ",
    "rds": "DocumentDB",
}
_CALLERS: Final[Mapping[str, Source]] = {
    "apigateway": Source(Kind.API, "API Gateway"),
    "elasticloadbalancing": Source(Kind.API, "load balancer"),
    "vpc-lattice": Source(Kind.API, "VPC Lattice"),
    "s3": Source(Kind.ASYNC, "S3"),
    "sns": Source(Kind.ASYNC, "SNS"),
    "events": Source(Kind.ASYNC, "EventBridge"),
    "scheduler": Source(Kind.ASYNC, "EventBridge Scheduler"),
    "logs": Source(Kind.ASYNC, "CloudWatch Logs"),
    "lambda.alarms.cloudwatch": Source(Kind.ASYNC, "CloudWatch alarm"),
    "cloudformation": Source(Kind.ASYNC, "CloudFormation"),
    "codecommit": Source(Kind.ASYNC, "CodeCommit"),
    "codepipeline": Source(Kind.ASYNC, "CodePipeline"),
    "config": Source(Kind.ASYNC, "Config"),
    "iot": Source(Kind.ASYNC, "IoT"),
    "ses": Source(Kind.ASYNC, "SES"),
    "secretsmanager": Source(Kind.ASYNC, "Secrets Manager"),
    "cognito-idp": Source(Kind.SYNC, "Cognito"),
    "lex": Source(Kind.SYNC, "Lex"),
    "lexv2": Source(Kind.SYNC, "Lex"),
    "connect": Source(Kind.SYNC, "Connect"),
    "alexa-appkit": Source(Kind.SYNC, "Alexa"),
    "alexa-connectedhome": Source(Kind.SYNC, "Alexa"),
    "bedrock": Source(Kind.SYNC, "Bedrock"),
}
"""By the service's principal, less amazonaws.com or amazon.com, and less the Region."""

_DOMAINS: Final = re.compile(r"\.(amazonaws\.com(\.cn)?|amazon\.com)$")
_VIA_URL: Final = re.compile("FunctionUrlAuthType|InvokedViaFunctionUrl")
"""Conditions that permit no other call than by a function's URL (developer guide, "Control access
to Lambda function URLs")."""

_INVOKES: Final = frozenset({"lambda:invokefunction", "lambda:invokefunctionurl", "lambda:*", "*"})


def of_mapping(mapping: EventSourceMapping) -> Source:
    """Return what Lambda polls for a function."""
    kind = Kind.SQS if mapping.service == _QUEUE else Kind.STREAM
    return Source(kind, _POLLED.get(mapping.service, mapping.service))


def of_policy(policy: str) -> tuple[Source, ...]:
    """Return whom a resource policy, in JSON, lets call. Raises `ValueError` if it is none."""
    statements = msgspec.json.decode(policy)["Statement"]
    return tuple(sorted({each for one in _list(statements) for each in _callers(one)}))


def _callers(statement: Mapping[str, Any]) -> Iterator[Source]:
    actions = {action.lower() for action in _list(statement["Action"])}
    if statement["Effect"] != "Allow" or not actions & _INVOKES:
        return
    if _VIA_URL.search(f"{statement.get('Condition')}"):
        yield URL
        return
    principal = statement["Principal"]
    if isinstance(principal, str):
        yield Source(Kind.SYNC, "anyone")
        return
    for service in _list(principal.get("Service", ())):
        name = _DOMAINS.sub("", service)
        regional = name.partition(".")[0]  # logs.eu-central-1, say
        yield _CALLERS.get(name) or _CALLERS.get(regional) or Source(Kind.SYNC, name)
    for who in _list(principal.get("AWS", ())):
        yield Source(Kind.SYNC, _account(who))


def _account(principal: str) -> str:
    """Return which account an ARN or number is of."""
    parts = principal.split(":")
    return f"account {parts[4] if len(parts) > 4 else principal}"  # noqa: PLR2004 - an ARN's parts


def _list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]
