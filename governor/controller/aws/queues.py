"""The queues' depth and settings.

SQS itself is asked: CloudWatch knows the depth of many queues in one call, but minutes late, and a
burst must be seen in the cycle in which it comes. GetQueueAttributes is SQS's data plane, counts in
no quota of Lambda's, but costs money: of empty queues of idle functions a hundred are asked in each
cycle, by turns, and every one once a minute.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Final

import msgspec

from governor.aws.errors import CallError, LaterError, UnansweredError
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.aws.shelf import Shelf
from governor.controller.observed import Queue

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

AT_ONCE: Final = 1000
"""Queues that are read in one cycle, at most."""

_IDLE_AT_ONCE: Final = 100
_DUE_S: Final = 60.0
_VOID_S: Final = 180.0

_ATTRIBUTES: "Final[tuple[QueueAttributeNameType, ...]]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "RedrivePolicy",
)


class Redrive(msgspec.Struct, frozen=True):
    """A redrive policy: to which queue, by its ARN, messages go when they were received so often.

    SQS keeps maxReceiveCount as it was given, as a number or a string.
    """

    max_receive_count: int = msgspec.field(name="maxReceiveCount")
    dead_letter: str = msgspec.field(name="deadLetterTargetArn", default="")


class Queues:
    """The queues as last read, or why one could not be."""

    def __init__(self, clients: Clients, calls: Calls, threads: Executor) -> None:
        """Read with `threads`, so many at a time."""
        self._clients = clients
        self._calls = calls
        self._threads = threads
        self._shelf: Shelf[str, Queue | CallError] = Shelf(_DUE_S, _VOID_S)

    def refresh(
        self, arns: Collection[str], busy: Collection[str], at_s: float
    ) -> Mapping[str, CallError]:
        """Read those of `arns` that are `busy`, not empty, unknown or a minute old, and some more.

        Returns why which of them could not be read, now or within the last minute.
        """
        self._shelf.keep_only(arns)
        failed: dict[str, CallError] = {}
        chosen = self._chosen(arns, busy, at_s)
        wanted = chosen[:AT_ONCE]
        unread = self._shelf.unread(chosen[AT_ONCE:], at_s)
        failed |= dict.fromkeys(unread, LaterError(f"not read yet: {AT_ONCE} are in one cycle"))
        for arn, answer in zip(wanted, self._threads.map(self._read, wanted), strict=True):
            if isinstance(answer, LaterError | UnansweredError):
                failed[arn] = answer  # what was known before still holds for a while
            else:
                self._shelf.put(arn, answer, at_s)
        known = ((arn, self._shelf.get(arn, at_s)) for arn in arns)
        return {arn: fact for arn, fact in known if isinstance(fact, CallError)} | failed

    def get(self, arns: Iterable[str], at_s: float) -> dict[str, Queue]:
        """What is known of `arns`."""
        known = ((arn, self._shelf.get(arn, at_s)) for arn in arns)
        return {arn: fact for arn, fact in known if isinstance(fact, Queue)}

    def _chosen(self, arns: Collection[str], busy: Collection[str], at_s: float) -> list[str]:
        """The queues to read: unknown ones first, then those with work, the oldest first."""
        known = self.get(arns, at_s)
        work = [
            arn for arn, queue in known.items() if arn in busy or queue.visible or queue.in_flight
        ]
        return list(
            dict.fromkeys(
                self._shelf.unread(arns, at_s)
                + self._shelf.oldest(work, at_s)
                + self._shelf.due(arns, at_s)
                + self._shelf.oldest(known, at_s)[:_IDLE_AT_ONCE]
            )
        )

    def _read(self, arn: str) -> Queue | CallError:
        try:
            return self._calls.read(
                "sqs:GetQueueAttributes",
                lambda: self._clients.queues.get_queue_attributes(
                    QueueUrl=url_of(self._clients.queues, arn), AttributeNames=_ATTRIBUTES
                ),
                lambda answer: _queue(arn, answer["Attributes"]),
            )
        except CallError as error:
            return error


def name_of(arn: str) -> str:
    """Return a queue's name."""
    return arn.rpartition(":")[2]


def url_of(queues: "SQSClient", arn: str) -> str:
    """Return a queue's URL, made without a call of its own."""
    return f"{queues.meta.endpoint_url}/{'/'.join(arn.split(':')[4:])}"


def _queue(arn: str, attributes: "Mapping[QueueAttributeNameType, str]") -> Queue:
    redrive = attributes.get("RedrivePolicy")
    return Queue(
        arn=arn,
        visible=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        max_receive_count=None if redrive is None else redrive_of(redrive).max_receive_count,
        fifo=arn.endswith(".fifo"),
    )


def redrive_of(policy: str) -> Redrive:
    """Read a redrive policy as SQS has it."""
    return msgspec.json.decode(policy, type=Redrive, strict=False)
