"""What Lambda does for an SQS event-source mapping: polls the queue and invokes the function.

Scaling, errors and throttles are as in the Lambda developer guide, "Configuring scaling behavior
for SQS event source mappings" and "How Lambda processes records": pollers start with 5 batches at
a time and add up to 300 a minute, up to 1,250; a function's error leaves the messages to the
visibility timeout and takes pollers away; a throttle is retried until that timeout is up.

A change of the mapping is obeyed once it has settled.

moto's queues are no shared data: two calls at once undo each other. So a queue belongs to its
pollers, which make their calls one after the other, those that send messages included. A message
costs moto 17 ms of CPU for each 300 in its queue, when it is received.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Lacking
from governor.demo.region import MINUTE_S, Ended, Region

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

FIRST: Final = 5
MOST: Final = 1250
GROWTH: Final = 300 / 1000
"""By which pollers grow in one of AWS's minutes, as a part of the account's limit: an account of a
tenth stands for a larger one in which everything is ten times as much."""

LOOK_S: Final = 1.0
"""How often a poller sees how its mapping stands."""

EMPTY_S: Final = 0.5
"""The pause after a queue was found empty."""

THROTTLED_S: Final = 0.25
"""The pause before a throttled batch is tried again. AWS begins with less and doubles it."""

_AT_ONCE: Final = 10
"""Messages of one call, at most (SQS API reference)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a mapping stands once it has settled."""

    enabled: bool
    batch_size: int
    max_concurrency: int | None


class Pollers:
    """The pollers of one mapping."""

    def __init__(self, region: Region, fleet: Fleet, facts: Lacking, uuid: str) -> None:
        """Poll for the mapping `uuid`, whose changes settle as `facts` say."""
        self.ended: Counter[Ended] = Counter()
        """How batches have ended: a throttle that was retried in time is none."""
        self.finished = 0
        """Messages that are done with."""
        self.finished_s = 0.0
        """When the last one of them was, since 1970."""
        self.uuid = uuid
        mapping = fleet.state(uuid)
        self.function = mapping["FunctionArn"].split(":")[6]
        self.queue = mapping["EventSourceArn"]
        self.url = fleet.url(self.queue)
        attributes = fleet.queues.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["VisibilityTimeout"]
        )
        self._visibility_s = float(attributes["Attributes"]["VisibilityTimeout"])
        self._region = region
        self._fleet = fleet
        self._facts = facts
        self._settings = Settings(enabled=False, batch_size=1, max_concurrency=None)
        self._level = float(FIRST)
        self._grows_from = time.monotonic()
        self._batches: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._one_call = asyncio.Lock()

    @property
    def allowed(self) -> int:
        """How many batches may be under way now."""
        if not self._settings.enabled:
            return 0
        most = self._settings.max_concurrency
        return int(self._level) if most is None else min(int(self._level), most)

    async def run(self) -> None:
        """Poll for as long as this is run; batches that are under way then are lost."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._poll(tasks))

    async def send(self, bodies: Sequence[str]) -> None:
        """Send messages to the queue."""
        for first in range(0, len(bodies), _AT_ONCE):
            await self._call(
                self._fleet.queues.send_message_batch,
                Entries=[
                    {"Id": f"{number}", "MessageBody": body}
                    for number, body in enumerate(bodies[first : first + _AT_ONCE])
                ],
            )

    async def _call(self, operation: Callable[..., T], **arguments: Any) -> T:
        async with self._one_call:
            return await asyncio.to_thread(operation, QueueUrl=self.url, **arguments)

    async def _follow(self) -> None:
        while True:
            known: dict[str, Any] = dict(await asyncio.to_thread(self._fleet.state, self.uuid))
            shown = self._facts.shown(known)
            if shown["State"] in {"Enabled", "Disabled"}:
                self._settings = Settings(
                    enabled=shown["State"] == "Enabled",
                    batch_size=shown["BatchSize"],
                    max_concurrency=(shown.get("ScalingConfig") or {}).get("MaximumConcurrency"),
                )
                self._freed.set()
            await asyncio.sleep(LOOK_S)

    async def _poll(self, tasks: asyncio.TaskGroup) -> None:
        last = time.monotonic()
        while True:
            free = self.allowed - len(self._batches)
            if free <= 0:
                self._freed.clear()
                await self._wait_for_room()
            else:
                size = self._settings.batch_size
                messages = await self._receive(free * size)
                for first in range(0, len(messages), size):
                    batch = tasks.create_task(self._run(messages[first : first + size]))
                    self._batches.add(batch)
                    batch.add_done_callback(self._done)
                if not messages:
                    await asyncio.sleep(EMPTY_S)
                    if not self._batches:
                        self._level = FIRST
            last = self._grow(last)

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(EMPTY_S):
                await self._freed.wait()
        except TimeoutError:
            pass

    def _grow(self, last: float) -> float:
        """Have more pollers while there is something to do for all of them."""
        now = time.monotonic()
        if len(self._batches) >= self.allowed and now > self._grows_from:
            per_s = GROWTH * self._facts.limit / MINUTE_S
            self._level = min(MOST, self._level + per_s * (now - last))
        return now

    async def _receive(self, count: int) -> "list[MessageTypeDef]":
        received: list[MessageTypeDef] = []
        while len(received) < count:
            answer = await self._call(
                self._fleet.queues.receive_message,
                MaxNumberOfMessages=min(_AT_ONCE, count - len(received)),
                AttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            received += messages
            if len(messages) < _AT_ONCE:
                break
        return received

    async def _run(self, messages: "Sequence[MessageTypeDef]") -> None:
        give_up_at = time.monotonic() + self._visibility_s
        event = {"Records": [_record(message, self.queue) for message in messages]}
        ended = await self._region.invoke(self.function, event)
        while ended is Ended.THROTTLED and time.monotonic() + THROTTLED_S < give_up_at:
            await asyncio.sleep(THROTTLED_S)
            ended = await self._region.invoke(self.function, event)
        self.ended[ended] += 1
        if ended is Ended.DONE:
            await self._delete(messages)
            self.finished += len(messages)
            self.finished_s = time.time()
        elif ended is not Ended.THROTTLED:
            self._level = max(1, self._level - 1)
            self._grows_from = time.monotonic() + MINUTE_S

    async def _delete(self, messages: "Sequence[MessageTypeDef]") -> None:
        for first in range(0, len(messages), _AT_ONCE):
            await self._call(
                self._fleet.queues.delete_message_batch,
                Entries=[
                    {"Id": f"{number}", "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages[first : first + _AT_ONCE])
                ],
            )

    def _done(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        self._freed.set()


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages that were sent at `began_s`; worked off when its pollers have `finished` so many."""

    pollers: Pollers
    finished: int
    began_s: float

    def is_done(self) -> bool:
        """Whether all of them were worked off."""
        return self.pollers.finished >= self.finished


def _record(message: "MessageTypeDef", queue: str) -> dict[str, object]:
    """A message as a function gets it (Lambda developer guide, "Using Lambda with Amazon SQS")."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": queue.split(":")[3],
    }
