"""Callers of an API, and Lambda's own queue of events: what they do when an invocation fails."""

from typing import Final

from governor.simulate.arrivals import Burst
from governor.simulate.aws_lambda import Lambda
from governor.simulate.scenario import ApiSource
from governor.simulate.work import Invocation, Running

ERROR_RETRIES_S: Final = (60.0, 120.0)
"""An event whose invocation failed comes again after these times, then no more (Lambda developer
guide, asynchronous invocation)."""

THROTTLED_FOR_S: Final = 6 * 3600.0
"""So long a throttled event is tried again (Lambda developer guide, asynchronous invocation)."""

MOST_BACK_OFF_S: Final = 300.0
"""Between two tries of a throttled event, at most; the first is after a second."""


class Callers:
    """They wait for the answer. A 429, of AWS or of the governor, they try again, then give up."""

    def __init__(self, platform: Lambda, function: Running, source: ApiSource) -> None:
        """Call `function`."""
        self._platform = platform
        self._function = function
        self._retries = source.retries
        self._retry_s = source.retry_ms / 1000

    def receive(self, takes_s: float, burst: Burst | None) -> None:
        """Send a request."""
        function = self._function
        function.tally.arrived += 1
        invocation = Invocation(function, self._platform.timeline.now_s, takes_s, burst)
        if not self._platform.start(invocation):
            self.denied(invocation)

    def done(self, invocation: Invocation) -> None:
        """Take the answer."""
        tally = self._function.tally
        tally.done += 1
        now_s = self._platform.timeline.now_s
        tally.latency_s.append(now_s - invocation.arrived_s)
        if invocation.burst is not None:
            invocation.burst.less(now_s)

    def failed(self, invocation: Invocation) -> None:
        """Take an error for an answer: only a 429 says that it is worth another try."""
        self._lose(invocation)

    def denied(self, invocation: Invocation) -> None:
        """Take a 429, and wait before the next try."""
        tries = invocation.attempt
        self._function.tally.refused += tries == 1
        if tries > self._retries:
            self._lose(invocation)
            return
        invocation.attempt += 1
        timeline = self._platform.timeline
        wait_s = self._retry_s * 2 ** (tries - 1)
        timeline.at(timeline.now_s + wait_s, self._again, invocation)

    def _again(self, invocation: Invocation) -> None:
        if not self._platform.start(invocation):
            self.denied(invocation)

    def _lose(self, invocation: Invocation) -> None:
        self._function.tally.lost += 1
        if invocation.burst is not None:
            invocation.burst.less(self._platform.timeline.now_s)


class Events:
    """They stay with Lambda until they are done.

    Throttled ones stay for hours, failed ones for two retries.
    """

    def __init__(self, platform: Lambda, function: Running) -> None:
        """Send events to `function`."""
        self._platform = platform
        self._function = function
        self._errors: dict[Invocation, int] = {}
        self._tries: dict[Invocation, int] = {}
        """Of throttled events."""

    def receive(self, takes_s: float, burst: Burst | None) -> None:
        """Take an event."""
        function = self._function
        function.tally.arrived += 1
        self._again(Invocation(function, self._platform.timeline.now_s, takes_s, burst))

    def done(self, invocation: Invocation) -> None:
        """Forget it."""
        tally = self._function.tally
        tally.done += 1
        tally.latency_s.append(self._platform.timeline.now_s - invocation.arrived_s)
        self._forget(invocation)

    def failed(self, invocation: Invocation) -> None:
        """Try twice more."""
        errors = self._errors.get(invocation, 0)
        if errors == len(ERROR_RETRIES_S):
            self._lose(invocation)
            return
        self._errors[invocation] = errors + 1
        timeline = self._platform.timeline
        timeline.at(timeline.now_s + ERROR_RETRIES_S[errors], self._again, invocation)

    def denied(self, invocation: Invocation) -> None:
        """A denial is an error to Lambda."""
        self._function.tally.refused += 1
        self.failed(invocation)

    def _again(self, invocation: Invocation) -> None:
        platform = self._platform
        now_s = platform.timeline.now_s
        if not platform.gate.lets(self._function, lambda: None):
            platform.timeline.at(now_s + 1, self._again, invocation)
            return
        if platform.start(invocation):
            return
        tries = self._tries.get(invocation, 0)
        self._function.tally.refused += tries == 0
        self._tries[invocation] = tries + 1
        wait_s = min(2.0**tries, MOST_BACK_OFF_S)
        if now_s + wait_s - invocation.arrived_s > THROTTLED_FOR_S:
            self._lose(invocation)
            return
        platform.timeline.at(now_s + wait_s, self._again, invocation)

    def _lose(self, invocation: Invocation) -> None:
        self._function.tally.lost += 1
        self._forget(invocation)

    def _forget(self, invocation: Invocation) -> None:
        self._errors.pop(invocation, None)
        self._tries.pop(invocation, None)
        if invocation.burst is not None:
            invocation.burst.less(self._platform.timeline.now_s)
