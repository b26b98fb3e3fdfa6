"""The settings of queues: a call for each, which counts in no quota of Lambda's."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from governor.aws.calls import Calls
from governor.aws.errors import CallError
from governor.controller.aws.queues import redrive_of, url_of
from governor.fleet.aws.clients import THREADS, Clients
from governor.fleet.doctor.examined import Queue

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeNameType

_ATTRIBUTES: "Final[tuple[QueueAttributeNameType, ...]]" = ("VisibilityTimeout", "RedrivePolicy")


def read(
    clients: Clients, calls: Calls, arns: Collection[str]
) -> tuple[dict[str, Queue], Mapping[str, CallError]]:
    """Read queues; return those by ARN that could be, and why the others could not."""
    queues: dict[str, Queue] = {}
    failed: dict[str, CallError] = {}
    with ThreadPoolExecutor(THREADS, "queues") as threads:
        answers = threads.map(lambda arn: _read(clients, calls, arn), arns)
        for arn, answer in zip(arns, answers, strict=True):
            if isinstance(answer, Queue):
                queues[arn] = answer
            else:
                failed[arn] = answer
    return queues, failed


def _read(clients: Clients, calls: Calls, arn: str) -> Queue | CallError:
    ask = clients.queues.get_queue_attributes
    try:
        return calls.make(
            "sqs:GetQueueAttributes",
            lambda: ask(QueueUrl=url_of(clients.queues, arn), AttributeNames=_ATTRIBUTES),
            lambda answer: _queue(arn, answer["Attributes"]),
        )
    except CallError as error:
        return error


def _queue(arn: str, attributes: "Mapping[QueueAttributeNameType, str]") -> Queue:
    policy = attributes.get("RedrivePolicy")
    visibility_s = int(attributes["VisibilityTimeout"])
    if policy is None:
        return Queue(arn, visibility_s)
    redrive = redrive_of(policy)
    return Queue(arn, visibility_s, redrive.max_receive_count, redrive.dead_letter)
