"""Lambda itself: slots, environments, cold starts, and what a governor's check-in adds to it."""

from typing import Final

from governor.simulate.gates import Gate, Verdict
from governor.simulate.timeline import Timeline
from governor.simulate.work import Invocation

_GRANTED: Final = Verdict.GRANTED
_DENIED: Final = Verdict.DENIED


class Lambda:
    """Runs invocations, if their function's pool has a slot and `gate` lets them."""

    __slots__ = ("_begin", "_deny", "_end", "_keep_warm_s", "denied_s", "gate", "timeline")

    def __init__(self, timeline: Timeline, gate: Gate, keep_warm_s: float, denied_s: float) -> None:
        """Run on `timeline`; a denied invocation keeps its slot for `denied_s`."""
        self.timeline = timeline
        self.gate = gate
        self.denied_s = denied_s
        self._keep_warm_s = keep_warm_s
        self._begin = self.begin  # bound once: every invocation needs them
        self._end = self.end
        self._deny = self.deny

    def start(self, invocation: Invocation) -> bool:
        """Give it a slot and an environment; False: AWS throttles it."""
        function = invocation.function
        pool = function.pool
        now_s = self.timeline.now_s
        if pool.in_use >= pool.limit:
            function.tally.throttled += 1
            return False
        idle = function.idle
        while idle and idle[0] < now_s - self._keep_warm_s:
            idle.popleft()
        cold = not idle
        if cold:
            if not function.may_begin_new(now_s):
                function.tally.throttled += 1
                return False
        else:
            idle.pop()
        pool.in_use += 1
        if pool.in_use > pool.peak:  # noqa: PLR1730 - twice as fast, and in every invocation
            pool.peak = pool.in_use
        function.in_use += 1
        tally = function.tally
        tally.invocations += 1
        invocation.began_s = now_s
        if cold:
            tally.cold_starts += 1
            self.timeline.at(now_s + next(function.cold_s), self._begin, invocation)
        else:
            self.begin(invocation)
        return True

    def begin(self, invocation: Invocation) -> None:
        """Check in, now that the environment runs."""
        now_s = invocation.ready_s = self.timeline.now_s
        verdict = self.gate.enter(invocation)
        if verdict is _GRANTED:
            self.granted(invocation)
        elif verdict is _DENIED:
            self.timeline.at(now_s + self.denied_s, self._deny, invocation)

    def granted(self, invocation: Invocation) -> None:
        """Run the handler."""
        function = invocation.function
        takes_s = invocation.takes_s
        if takes_s > function.timeout_s:
            takes_s, invocation.fails = function.timeout_s, True
        elif function.error_rate:
            invocation.fails = next(function.chances) < function.error_rate
        now_s = self.timeline.now_s
        self.timeline.at(now_s + self.gate.check_in_s + takes_s, self._end, invocation)

    def end(self, invocation: Invocation) -> None:
        """The handler has ended, well or not."""
        function = invocation.function
        self._free(invocation)
        self.gate.leave(invocation)
        if invocation.fails:
            invocation.fails = False
            function.tally.failed += 1
            function.source.failed(invocation)
        else:
            function.source.done(invocation)

    def deny(self, invocation: Invocation) -> None:
        """A denied invocation has ended."""
        self._free(invocation)
        function = invocation.function
        function.tally.denied += 1
        function.source.denied(invocation)

    def _free(self, invocation: Invocation) -> None:
        now_s = self.timeline.now_s
        function = invocation.function
        function.pool.in_use -= 1
        function.in_use -= 1
        function.idle.append(now_s)
        tally = function.tally
        tally.slot_s += now_s - invocation.began_s
        tally.took += 1
        tally.took_s += now_s - invocation.ready_s
