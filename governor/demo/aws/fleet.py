"""An AWS account with functions that queues feed, made in moto itself, past the stand-in."""

import io
import json
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import boto3

from governor.demo.aws.moto import ENVIRONMENT, Moto

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef
    from types_boto3_sqs.literals import QueueAttributeNameType

REGION = ENVIRONMENT["AWS_DEFAULT_REGION"]
ACCOUNT_ID = "123456789012"


class Fleet:
    """Makes and looks at what is in the account."""

    def __init__(self, moto: Moto, region: str = REGION) -> None:
        """Make nothing yet. `region` is AWS's: each has a concurrency pool of its own."""
        self.region = region
        self._moto = moto
        self._role: str | None = None
        access: dict[str, Any] = {
            "endpoint_url": moto.url,
            "region_name": region,
            "aws_access_key_id": "testing",
            "aws_secret_access_key": "testing",
        }
        session = boto3.Session()
        self.functions = session.client("lambda", **access)
        self.queues = session.client("sqs", **access)
        self.metrics = session.client("cloudwatch", **access)
        self._iam = session.client("iam", **access)

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        for client in (self.functions, self.queues, self.metrics, self._iam):
            client.close()

    def empty(self) -> None:
        """Begin anew with an empty account."""
        self._moto.reset()
        self._role = None

    def _any_role(self) -> str:
        if self._role is None:
            name = f"fleet-{self.region}"  # roles belong to no Region
            made = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
            self._role = str(made["Role"]["Arn"])
        return self._role

    def function(self, name: str, timeout_s: int = 30, **settings: Any) -> str:
        """Make a function; return its ARN. `settings` are CreateFunction's."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        known: dict[str, Any] = {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Role": self._any_role(),
            "Handler": "app.handler",
            "Timeout": timeout_s,
            "Code": {"ZipFile": code.getvalue()},
        }
        made = self.functions.create_function(**(known | settings))
        return made["FunctionArn"]

    def queue(
        self,
        name: str,
        messages: int = 0,
        receive_count: int | None = None,
        visibility_s: int = 180,
    ) -> str:
        """Make a queue with `messages` in it; return its ARN."""
        arn = f"arn:aws:sqs:{self.region}:{ACCOUNT_ID}:{name}"
        attributes = {"VisibilityTimeout": f"{visibility_s}"}
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        if receive_count is not None:
            dead = self.queue(f"{name}-dead")
            redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": receive_count}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        url = self.queues.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
        for number in range(messages):
            self.queues.send_message(QueueUrl=url, MessageBody=str(number))
        return arn

    def depth(self, arn: str) -> int:
        """How many messages are in a queue, visible or not."""
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        answer = self.queues.get_queue_attributes(QueueUrl=self.url(arn), AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def url(self, arn: str) -> str:
        """A queue's URL."""
        return self.queues.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]

    def mapping(self, function: str, queue: str, **settings: Any) -> str:
        """Let `queue` feed `function`; return the mapping's id."""
        made = self.functions.create_event_source_mapping(
            FunctionName=function, EventSourceArn=queue, **settings
        )
        return made["UUID"]

    def fed(self, function: str, messages: int = 0, **settings: Any) -> str:
        """Make a function and a queue that feeds it; return the mapping's id."""
        self.function(function)
        return self.mapping(function, self.queue(f"{function}-queue", messages), **settings)

    def driven(self, function: str, receive_count: int, visibility_s: int, **settings: Any) -> str:
        """Let a queue feed `function` that a driver of ours polls; return the mapping's id.

        moto tries to invoke the function itself at each message, and counts that as a receive; but
        a mapping does not know a queue that is made anew.
        """
        name = f"{function}-queue"
        queue = self.queue(name, 0, receive_count, visibility_s)
        uuid = self.mapping(function, queue, **({"BatchSize": 1} | settings))
        self.queues.delete_queue(QueueUrl=self.url(queue))
        self.queue(name, 0, receive_count, visibility_s)
        return uuid

    def state(self, uuid: str) -> "EventSourceMappingConfigurationTypeDef":
        """How a mapping really is."""
        found: EventSourceMappingConfigurationTypeDef
        found = self.functions.get_event_source_mapping(UUID=uuid)  # type: ignore[assignment]
        return found

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a mapping or function."""
        return self.functions.list_tags(Resource=arn)["Tags"]

    def put_metric(
        self, name: str, value: float, at_s: float, namespace: str = "AWS/Lambda", **of: str
    ) -> None:
        """Let CloudWatch know a value; `of` is its dimension."""
        self.metrics.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Value": value,
                    "Timestamp": datetime.fromtimestamp(at_s, UTC),
                    "Dimensions": [{"Name": key, "Value": word} for key, word in of.items()],
                }
            ],
        )
