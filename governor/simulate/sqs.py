"""A queue, and the pollers of its event-source mapping.

What AWS does not say of its pollers is marked as inferred.
"""

from collections import deque
from typing import Final

from governor.controller.observed import Knobs
from governor.simulate.arrivals import Burst
from governor.simulate.aws_lambda import Lambda
from governor.simulate.scenario import SqsSource
from governor.simulate.work import Invocation, Running

FIRST: Final = 5
"""Batches at a time with which Lambda begins (Lambda developer guide, SQS scaling)."""

PER_S: Final = 5
"""By so many more each second, 300 a minute (Lambda developer guide, SQS scaling)."""

MOST: Final = 1250
"""… up to so many (Lambda developer guide, SQS scaling)."""

POLL_S: Final = 0.02
"""From a batch's end to the next one: deleting the one and receiving the other (inferred)."""

MOST_BACK_OFF_S: Final = 20.0
"""Between two tries of a throttled batch, at most; the first is after a second (inferred)."""


class Message:
    """A message on its way; `receives` as in ApproximateReceiveCount."""

    __slots__ = ("arrived_s", "burst", "denied", "receives", "takes_s")

    def __init__(self, arrived_s: float, takes_s: float, burst: Burst | None) -> None:
        """Wait in the queue."""
        self.arrived_s = arrived_s
        self.takes_s = takes_s
        self.burst = burst
        self.receives = 0
        self.denied = False


class Queue:
    """A standard queue and its mapping."""

    def __init__(self, platform: Lambda, function: Running, source: SqsSource) -> None:
        """Feed `function`."""
        self.visible: deque[Message] = deque()
        self.in_flight = 0
        self.source = source
        self._platform = platform
        self._timeline = platform.timeline
        self._function = function
        self._tally = function.tally
        self._running = 0
        """Pollers at work: waiting for an invocation, or to try a throttled one again."""
        self._pollers = float(FIRST)
        self._quiet_since_s = 0.0
        self._ticking = False
        self._refused = False
        self.turn(Knobs(max_concurrency=source.max_concurrency, batch_size=source.batch_size))

    def turn(self, knobs: Knobs) -> None:
        """Go by `knobs` from now on; what runs goes on."""
        self._enabled = knobs.enabled
        self._batch_size = knobs.batch_size
        self._limit = knobs.max_concurrency or MOST
        self._pollers = min(self._pollers, self._limit)
        self.poll()

    def receive(self, takes_s: float, burst: Burst | None) -> None:
        """Take a message."""
        self._tally.arrived += 1
        self.visible.append(Message(self._timeline.now_s, takes_s, burst))
        if self._running < self._pollers or not self._ticking:
            self.poll()

    def poll(self) -> None:
        """Read as many batches as pollers are free."""
        if not self.visible or not self._enabled:
            return
        if not self._ticking:
            self._wake()
        while self.visible and self._running < int(self._pollers):
            if not self._platform.gate.lets(self._function, self.poll):
                return
            self._running += 1
            self._try(self._batch())

    def done(self, invocation: Invocation) -> None:
        """Delete a batch."""
        tally = self._tally
        now_s = self._timeline.now_s
        messages = invocation.messages or ()
        tally.done += len(messages)
        self.in_flight -= len(messages)
        for message in messages:
            tally.latency_s.append(now_s - message.arrived_s)
            if message.burst is not None:
                message.burst.less(now_s)
        self._next_after_poll()

    def failed(self, invocation: Invocation) -> None:
        """Leave a batch invisible until its time is up, and ask for fewer at once."""
        self._return_later(invocation)
        self._refused = True
        self._pollers = min(max(float(FIRST), self._pollers - 1), self._limit)  # inferred: by one
        self._next_after_poll()

    def denied(self, invocation: Invocation) -> None:
        """A denial is an error to Lambda."""
        for message in invocation.messages or ():
            self._tally.refused += not message.denied
            message.denied = True
        self.failed(invocation)

    def _batch(self) -> Invocation:
        """Receive a batch: it takes as long as its messages together."""
        visible = self.visible
        size = min(self._batch_size, len(visible))
        messages = [visible.popleft() for _ in range(size)]
        takes_s = 0.0
        attempt = 0
        for message in messages:
            message.receives = receives = message.receives + 1
            takes_s += message.takes_s
            attempt = max(attempt, receives)
        self.in_flight += size
        invocation = Invocation(self._function, self._timeline.now_s, takes_s, None)
        invocation.messages = messages
        invocation.attempt = attempt
        return invocation

    def _try(self, invocation: Invocation) -> None:
        """Invoke; a throttled batch is tried again until its messages are visible again."""
        if self._platform.start(invocation):
            return
        self._refused = True
        now_s = self._timeline.now_s
        waited_s = now_s - invocation.arrived_s
        wait_s = min(max(1.0, waited_s), MOST_BACK_OFF_S)
        if waited_s + wait_s < self.source.visibility_s:
            self._timeline.at(now_s + wait_s, self._try, invocation)
            return
        self._return_later(invocation)
        self._next_after_poll()

    def _return_later(self, invocation: Invocation) -> None:
        at_s = invocation.arrived_s + self.source.visibility_s
        self._timeline.at(max(at_s, self._timeline.now_s), self._return, invocation)

    def _return(self, invocation: Invocation) -> None:
        """Make a batch's messages visible again, unless they have come too often."""
        most = self.source.max_receive_count
        tally = self._tally
        for message in invocation.messages or ():
            self.in_flight -= 1
            if most is None or message.receives < most:
                self.visible.append(message)
                continue
            tally.dead += 1
            tally.dead_denied += message.denied
            if message.burst is not None:
                message.burst.less(self._timeline.now_s)
        self.poll()

    def _next_after_poll(self) -> None:
        self._timeline.at(self._timeline.now_s + POLL_S, self._next, None)

    def _next(self, _: None) -> None:
        self._running -= 1
        self.poll()

    def _wake(self) -> None:
        """Begin to look every second whether more pollers are wanted.

        While none was, they went as fast as they come (inferred).
        """
        quiet_s = self._timeline.now_s - self._quiet_since_s
        fewer = max(float(FIRST), self._running, self._pollers - PER_S * quiet_s)
        self._pollers = min(fewer, self._limit)
        self._ticking = True
        self._timeline.at(self._timeline.now_s + 1, self._tick, None)

    def _tick(self, _: None) -> None:
        """Take on more pollers if all are busy and none was throttled or has failed."""
        if not self.visible or not self._enabled:
            self._ticking = False
            self._quiet_since_s = self._timeline.now_s
            return
        self._timeline.at(self._timeline.now_s + 1, self._tick, None)
        if self._running >= int(self._pollers) and not self._refused:
            self._pollers = min(self._pollers + PER_S, self._limit)
        self._refused = False
        self.poll()
