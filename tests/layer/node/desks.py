"""A desk in a child, to check in at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.layer.node.child import Child

AMPLE_MS = "20000"
"""A timeout that only a hanging layer would reach."""

DESK = "kept.desk = new Desk(new Settings(given.environ));"
CHECK_IN = "return await kept.desk.checkIn(given.event ?? {}, contextOf(given));"
BUSY = """
    const end = Date.now() + 30_000; // whoever makes the file may have been killed
    while (Date.now() < end && !require('node:fs').existsSync(given.until));
"""
"""Keeps the child from whatever else is to be done, until there is a file of that name."""


def environ(url: str, **variables: str) -> dict[str, str]:
    """A function's variables, with the governor at `url`."""
    given = {"GOVERNOR_URL": url, "AWS_LAMBDA_FUNCTION_NAME": "etl-load"}
    return {**given, "GOVERNOR_TIMEOUT_MS": AMPLE_MS, **variables}


class Desk:
    """A desk in the child, where invocations check in and out."""

    def __init__(self, child: Child, url: str, **variables: str) -> None:
        """Open it, asking at `url`."""
        self._child = child
        child.run(DESK, environ=environ(url, **variables))

    def check_in(self, **given: Any) -> str:
        """The id of the lease; RaisedError if there is none."""
        outcome = self._child.run(CHECK_IN, **given)
        assert isinstance(outcome, str), outcome
        return outcome

    def check_out(self, lease: str, **given: Any) -> bool:
        """Give it back; whether that was said at once."""
        return bool(
            self._child.run(
                "const told = kept.desk.checkOut(given.lease, contextOf(given)); await told;"
                "return told === undefined;",
                lease=lease,
                **given,
            )
        )


@contextmanager
def later(child: Child, ms: int) -> Iterator[None]:
    """For the child it is so much later, by the wall clock: the other one stops in a freeze."""
    child.run("kept.now = Date.now; Date.now = () => kept.now() + given.ms", ms=ms)
    try:
        yield
    finally:
        child.run("Date.now = kept.now")
