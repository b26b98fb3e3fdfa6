"""Calls to AWS: made, understood, and counted by operation and outcome."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import MsgspecError

from governor.aws.errors import NonsenseError, told

_NONSENSE: Final = (LookupError, TypeError, AttributeError, ValueError, MsgspecError)

A = TypeVar("A")
T = TypeVar("T")


def nothing(_: object) -> None:
    """What an answer means that only says that it is done."""


class Calls:
    """Makes calls, of several threads at once."""

    def __init__(self) -> None:
        """None has been made."""
        self._lock = threading.Lock()
        self._made: Counter[tuple[str, str]] = Counter()

    @property
    def made(self) -> Mapping[tuple[str, str], int]:
        """How many calls there have been, by operation (`lambda:GetFunction`) and outcome."""
        with self._lock:
            return dict(self._made)

    def make(self, action: str, call: Callable[[], A], meaning: Callable[[A], T]) -> T:
        """Call AWS by `action`, IAM's name for it; return the `meaning` of the answer.

        What `meaning` can't make sense of is a `NonsenseError`. Raises `CallError`.
        """
        try:
            answer = call()
        except (ClientError, BotoCoreError) as error:
            failure = told(action, error)
            self.count(action, failure.outcome)
            raise failure from error
        except _NONSENSE as error:  # botocore's parsers trip over some of it
            raise self._nonsense(action, error) from error
        try:
            meant = meaning(answer)
        except _NONSENSE as error:
            raise self._nonsense(action, error) from error
        self.count(action, "ok")
        return meant

    def count(self, action: str, outcome: str) -> None:
        """Count a call, also one that is not made after all."""
        with self._lock:
            self._made[action, outcome] += 1

    def _nonsense(self, action: str, error: Exception) -> NonsenseError:
        self.count(action, NonsenseError.outcome)
        return NonsenseError(
            f"{action}: what was answered makes no sense ({type(error).__name__}: {error}); "
            "if something stands between here and AWS, look there"
        )
