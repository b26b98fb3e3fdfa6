"""Whose turn it is to change the fleet: one run at a time in an account and Region.

It is a parameter of Systems Manager, which makes one that does not exist in one step (API
reference, PutParameter, "Overwrite"). It says until when it holds. Of a run that was killed it is
taken over after that: whoever finds its own words there a while after writing them has the turn.
"""

import json
import os
import socket
import time
from contextlib import suppress
from typing import Final, Self

from governor.aws.calls import Calls, nothing
from governor.aws.errors import CallError, ExistsError, GoneError
from governor.errors import GovernorError
from governor.fleet.aws.clients import Clients

PARAMETER: Final = "/governor/fleet/turn"

HOLDS_S: Final = 120.0
RENEW_S: Final = 30.0

CONTEST_S: Final = 3.0
"""Longer than a write of another who takes over takes to arrive."""


class NotOurTurnError(GovernorError):
    """Another run changes the fleet, or this one has lost its turn to another."""


class Turn:
    """The turn of this run; a context manager. Raises `NotOurTurnError` and `CallError`."""

    def __init__(self, clients: Clients, calls: Calls, contest_s: float = CONTEST_S) -> None:
        """Take nothing yet."""
        self._parameters = clients.parameters
        self._calls = calls
        self._contest_s = contest_s
        self._name = f"{socket.gethostname()}, process {os.getpid()}, {os.urandom(4).hex()}"
        self._renewed_at = 0.0

    def __enter__(self) -> Self:
        """Take the turn, from a run that has died if need be."""
        try:
            self._write(overwrite=False)
        except ExistsError:
            self._take_over()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back, unless it is another's. If AWS does not let us, it ends by itself."""
        with suppress(CallError):
            if self._holder()[0] == self._name:
                self._calls.make(
                    "ssm:DeleteParameter",
                    lambda: self._parameters.delete_parameter(Name=PARAMETER),
                    nothing,
                )

    def keep(self) -> None:
        """Go on holding it. To be called before each change; calls AWS every 30 s only."""
        if time.monotonic() - self._renewed_at < RENEW_S:
            return
        holder, _ = self._holder()
        if holder != self._name:
            raise NotOurTurnError(f"{holder or 'someone'} has taken over; this run ends here")
        self._write(overwrite=True)

    def _take_over(self) -> None:
        holder, until_s = self._holder()
        if holder == self._name:  # botocore tried again, for the first answer was lost
            return
        if time.time() < until_s:
            at = time.strftime("%H:%M:%S", time.localtime(until_s))
            raise NotOurTurnError(
                f"another run changes the fleet ({holder}): wait until it has ended; "
                f"if it has been killed, its turn ends by itself at {at}"
            )
        self._write(overwrite=True)
        time.sleep(self._contest_s)
        holder, _ = self._holder()
        if holder != self._name:
            raise NotOurTurnError(f"another run was quicker ({holder}): wait until it has ended")

    def _write(self, *, overwrite: bool) -> None:
        value = json.dumps({"holder": self._name, "until_s": time.time() + HOLDS_S})
        begun = time.monotonic()
        self._calls.make(
            "ssm:PutParameter",
            lambda: self._parameters.put_parameter(
                Name=PARAMETER, Value=value, Type="String", Overwrite=overwrite
            ),
            nothing,
        )
        self._renewed_at = begun

    def _holder(self) -> tuple[str, float]:
        """Who has the turn and until when; "" and 0 if nobody has."""
        try:
            value = self._calls.make(
                "ssm:GetParameter",
                lambda: self._parameters.get_parameter(Name=PARAMETER),
                lambda answer: answer["Parameter"]["Value"],
            )
            found = json.loads(value)
            return str(found["holder"]), float(found["until_s"])
        except GoneError:
            return "", 0.0
        except (LookupError, TypeError, ValueError):
            return f"unreadable: {PARAMETER}", 0.0
