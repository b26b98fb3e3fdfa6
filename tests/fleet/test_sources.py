"""Who calls a function, as its mappings and policies say."""

import json
from typing import Any

import pytest

from governor.controller.observed import Knobs
from governor.fleet.discovery import suggested
from governor.fleet.function import EventSourceMapping
from governor.fleet.sources import URL, Kind, Source, of_mapping, of_policy
from governor.model import Priority

API, S3, SQS = (
    Source(Kind.API, "API Gateway"),
    Source(Kind.ASYNC, "S3"),
    Source(Kind.SQS, "SQS"),
)


def statement(principal: Any, **others: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Principal": principal,
        "Resource": "*",
    } | others


@pytest.mark.parametrize(
    ("statements", "sources"),
    [
        ([], []),
        ([statement({"Service": "apigateway.amazonaws.com"})], [API]),
        (statement({"Service": "apigateway.amazonaws.com"}), [API]),
        ([statement({"Service": ["s3.amazonaws.com", "apigateway.amazonaws.com"]})], [API, S3]),
        ([statement({"Service": "s3.amazonaws.com"})] * 2, [S3]),
        ([statement({"Service": "s3.amazonaws.com"}, Effect="Deny")], []),
        ([statement({"Service": "s3.amazonaws.com"}, Action="lambda:GetFunction")], []),
        ([statement({"Service": "s3.amazonaws.com"}, Action=["lambda:*"])], [S3]),
        (
            [statement({"Service": "alexa-appkit.amazon.com"})],
            [Source(Kind.SYNC, "Alexa")],
        ),
        (
            [statement({"Service": "logs.eu-central-1.amazonaws.com"})],
            [Source(Kind.ASYNC, "CloudWatch Logs")],
        ),
        ([statement({"Service": "s3.amazonaws.com.cn"})], [S3]),
        (
            [statement("*", Condition={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}})],
            [URL],
        ),
        (
            [statement({"Service": "new-thing.amazonaws.com"})],
            [Source(Kind.SYNC, "new-thing")],
        ),
        (
            [statement({"AWS": "arn:aws:iam::111122223333:root"})],
            [Source(Kind.SYNC, "account 111122223333")],
        ),
        ([statement({"AWS": "111122223333"})], [Source(Kind.SYNC, "account 111122223333")]),
        ([statement("*")], [Source(Kind.SYNC, "anyone")]),
        (
            [
                statement(
                    "*",
                    Action="lambda:InvokeFunctionUrl",
                    Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
                )
            ],
            [URL],
        ),
    ],
)
def test_whom_a_policy_lets_call(statements: Any, sources: list[Source]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    assert of_policy(policy) == tuple(sources)


@pytest.mark.parametrize("policy", ["", "null", "{}", '{"Statement": [{}]}', '{"Statement": [7]}'])
def test_a_policy_that_makes_no_sense(policy: str) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        of_policy(policy)


@pytest.mark.parametrize(
    ("arn", "source"),
    [
        ("arn:aws:sqs:eu-central-1:1:q", SQS),
        ("arn:aws:kinesis:eu-central-1:1:stream/s", Source(Kind.STREAM, "Kinesis")),
        ("arn:aws:dynamodb:eu-central-1:1:table/t/stream/x", Source(Kind.STREAM, "DynamoDB")),
        ("arn:aws:kafka:eu-central-1:1:cluster/c/x", Source(Kind.STREAM, "Kafka")),
        ("", Source(Kind.STREAM, "Kafka")),
        ("arn:aws:mq:eu-central-1:1:broker:b", Source(Kind.STREAM, "MQ")),
        ("arn:aws:other:eu-central-1:1:x", Source(Kind.STREAM, "other")),
    ],
)
def test_what_a_mapping_polls(arn: str, source: Source) -> None:
    assert of_mapping(EventSourceMapping("u", "arn:u", "f", arn, Knobs())) == source


@pytest.mark.parametrize(
    ("sources", "unread", "priority", "why"),
    [
        ((API,), (), Priority.USER_FACING, "API Gateway may wait for it"),
        ((API, S3, SQS), (), Priority.USER_FACING, "API Gateway may wait for it"),
        ((SQS,), (), Priority.BACKGROUND, "nobody waits: only SQS calls it"),
        ((S3, SQS), (), Priority.BACKGROUND, "nobody waits: only S3 and SQS call it"),
        ((S3,), ("lambda:GetPolicy",), Priority.USER_FACING, "who calls it could not be read"),
        ((), (), Priority.USER_FACING, "who calls it can't be seen: code may, and wait"),
    ],
)
def test_a_suggested_priority(
    sources: tuple[Source, ...], unread: tuple[str, ...], priority: Priority, why: str
) -> None:
    assert suggested(sources, unread) == (priority, why)
