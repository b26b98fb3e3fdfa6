"""What happens around a handler: check in, run it (or not), check out."""

import functools
import os
import sys
import threading
import time

from .checkin import Desk, UnavailableError
from .lease import max_wait_ms
from .settings import BadSettingError, Settings, fails_closed, is_disabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # What a handler is given and returns is its own affair and Lambda's.
    from typing import Any, TypeAlias

    from .denial import Denial

    Handler: TypeAlias = Callable[[Any, Any], Any]

CO_COROUTINE = 0x80
"""What `inspect` knows a coroutine function by. Importing that takes several times what we do."""


def governed(handler: "Handler") -> "Handler":
    """Let `handler` run only within its function's concurrency limits.

    What it is given, returns and raises passes through untouched. Governing twice is governing
    once: a decorated handler may have the exec wrapper before it. A coroutine function, for a
    handler that runs it in an event loop, stays one: its lease is held until it has ended.

    Raises:
        BadSettingError: a variable is bad, and GOVERNOR_FAIL is closed.

    """
    if getattr(handler, "__governed__", None) is True:
        return handler
    gate = _gate()
    if gate is None:
        return handler

    @functools.wraps(handler)
    def invoke(*given: object, **named: object) -> object:
        return gate.run(handler, *given, **named)

    @functools.wraps(handler)
    async def invoke_awaited(*given: object, **named: object) -> object:
        return await gate.run_awaited(handler, *given, **named)

    of_its_kind = invoke_awaited if _is_coroutine_function(handler) else invoke
    vars(of_its_kind)["__governed__"] = True
    return of_its_kind


def _is_coroutine_function(handler: "Handler") -> bool:
    code = getattr(handler, "__code__", None)
    return isinstance(code, type(governed.__code__)) and bool(code.co_flags & CO_COROUTINE)


def entrance(environ: "Mapping[str, str]") -> "Gate | None":
    """The gate that the variables in `environ` want before a function's handlers.

    None: they are to run as if the layer were not there. That also goes for a variable that is bad,
    which is logged, unless the function must not run without the governor.

    Raises:
        BadSettingError: a variable is bad, and GOVERNOR_FAIL is closed.

    """
    if is_disabled(environ):
        return None
    closed = False
    try:
        closed = fails_closed(environ)
        return Gate(Settings(environ))
    except BadSettingError as error:
        if closed:
            raise
        from . import journal  # noqa: PLC0415 - not on the way of an invocation that is granted

        journal.write("WARN", "bad setting", reason=str(error))
        return None


@functools.cache
def _gate() -> "Gate | None":
    """The gate of all of the process's handlers. It connects when the first one is invoked."""
    gate = entrance(os.environ)
    if gate is not None:
        os.register_at_fork(after_in_child=gate.start_anew)
        if (snapshots := sys.modules.get("snapshot_restore_py")) is not None:  # the runtime's own
            snapshots.register_after_restore(gate.start_anew)
    return gate


class Gate:
    """Stands before the handlers of one function."""

    def __init__(self, settings: Settings) -> None:
        """Get ready, as `settings` say."""
        self._settings = settings
        self._desk = Desk(settings)
        self._inside: set[object] = set()

    def start_anew(self) -> None:
        """Take over nothing from the process that this one is a copy of."""
        self._inside.clear()
        self._desk.start_anew()

    def run(self, handler: "Handler", *given: object, **named: object) -> object:
        """Run `handler` if it may run now, and return what the source of its event is to get.

        Raises:
            ConcurrencyLimitExceeded: it may not, and its event's source is told by an exception.

        """
        stay = Stay(self._desk, self._settings, self._inside)
        try:
            return handler(*given, **named) if stay.begin(*_asked(given, named)) else stay.answer
        finally:
            stay.end()

    async def run_awaited(self, handler: "Handler", *given: object, **named: object) -> object:
        """Do what `run` does with a coroutine function. Checking in blocks the event loop."""
        stay = Stay(self._desk, self._settings, self._inside)
        try:
            runs = stay.begin(*_asked(given, named))
            return await handler(*given, **named) if runs else stay.answer
        finally:
            stay.end()


def _asked(given: "tuple[object, ...]", named: "dict[str, object]") -> tuple[object, object]:
    """The event and the context, as far as whoever calls by hand gives them."""
    return (
        given[0] if given else named.get("event"),
        given[1] if len(given) > 1 else named.get("context"),
    )


def _identity(context: object) -> object:
    """What tells an invocation from all others. Without a request id it is like no other.

    A retry has the id of the attempt that timed out, which on Managed Instances may still be
    running, but not on the same thread.
    """
    request_id = getattr(context, "aws_request_id", None)
    if isinstance(request_id, str) and request_id:
        return request_id, threading.get_ident()
    return object()


class Stay:
    """One invocation at the gate: the lease that it holds, or the answer if it may not run."""

    __slots__ = ("_desk", "_inside", "_invocation", "_lease", "_settings", "answer")

    def __init__(self, desk: Desk, settings: Settings, inside: set[object]) -> None:
        """Hold nothing yet. `inside` are the invocations that have a stay already."""
        self._desk = desk
        self._settings = settings
        self._inside = inside
        self._invocation: object = None
        self._lease: str | None = None
        self.answer: object = None

    def begin(self, event: object, context: object) -> bool:
        """Whether the handler is to run. Raises ConcurrencyLimitExceeded: it is not."""
        invocation = _identity(context)
        if invocation in self._inside:
            return True  # it would wait for its own lease
        self._inside.add(invocation)
        self._invocation = invocation
        emf = self._settings.emf
        waits = emf and max_wait_ms(self._settings, event, context) > 0  # before it has waited
        began = time.perf_counter()
        outcome = self._check_in(event, context)
        if isinstance(outcome, str):
            self._lease = outcome
        if emf:
            self._measure(time.perf_counter() - began, outcome, waits=waits)
        if outcome is None or isinstance(outcome, str):
            return True
        from . import refusal  # noqa: PLC0415 - an invocation that is granted needs none

        self._lease, self.answer = refusal.settled(
            self._desk, self._settings, outcome, event, context
        )
        return self._lease is not None

    def end(self) -> None:
        """Give back what is held, if anything is."""
        self._inside.discard(self._invocation)
        if self._lease is not None:
            self._desk.check_out(self._lease)

    def _check_in(self, event: object, context: object) -> "str | Denial | None":
        """The id of the lease that the invocation holds, a denial, or None: run it ungoverned."""
        try:
            return self._desk.check_in(event, context)
        except UnavailableError as error:
            if not self._settings.fails_closed:
                return None
            from . import refusal  # noqa: PLC0415

            return refusal.unasked(str(error))

    def _measure(self, took_s: float, outcome: "str | Denial | None", *, waits: bool) -> None:
        from . import metrics  # noqa: PLC0415 - unless asked for, none are written

        took_ms = round(took_s * 1000, 3)
        values = {"check_in_ms": took_ms}
        if outcome is None:
            values["failed_open"] = 1
        elif not isinstance(outcome, str):
            values["denied"] = 1
        answered = isinstance(outcome, str) or (outcome is not None and outcome.lease_id)
        if answered and waits:
            values["wait_ms"] = took_ms
        metrics.write(self._settings.function, values)
