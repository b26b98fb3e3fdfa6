"""Calls to AWS: counted by operation and outcome, and kept under a budget.

The budget is for Lambda's control plane, which all of the account's tools share: 15 requests per
second over all its APIs but GetFunction, which has 100 of its own (Lambda quotas, "API requests").
"""

import time
from collections.abc import Callable, Mapping
from math import inf
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from governor.aws import calls
from governor.aws.errors import (
    CallError,
    CredentialsError,
    LaterError,
    ThrottledError,
    UnansweredError,
    retries,
)
from governor.controller.aws.bucket import Bucket
from governor.settings import CALLS_PER_S

FUNCTIONS_PER_S: Final = 30.0
"""Its share of the 100 GetFunction requests per second."""

KEPT_FOR_CHANGES: Final = 5
"""Calls of the budget that reading leaves for what the plan will say."""

_PATIENCE_S: Final = 1.0
"""How long a change waits for its turn. An action is four of them at most, and has to be over long
before the leader's lease may be."""

BURST_S: Final = 5.0
"""The budget that may be saved up, in seconds of it."""

_ALL: Final = "*"

A = TypeVar("A")
T = TypeVar("T")


class Calls:
    """Makes calls within the budget, of several threads at once."""

    def __init__(self, lambda_per_s: float = CALLS_PER_S) -> None:
        """Allow `lambda_per_s` calls of Lambda's control plane per second on average."""
        self._lambda = Bucket(lambda_per_s, KEPT_FOR_CHANGES + lambda_per_s * BURST_S)
        self._functions = Bucket(FUNCTIONS_PER_S, FUNCTIONS_PER_S)
        self._calls = calls.Calls()
        self._stopped: dict[str, CallError] = {}  # by service, or all of them
        self._until_s = 0.0
        self._changes_until_s = inf

    @property
    def made(self) -> Mapping[tuple[str, str], int]:
        """How many calls there have been, by operation (`lambda:GetFunction`) and outcome."""
        return self._calls.made

    def begin(self, within_s: float) -> None:
        """Begin a cycle: no call waits after `within_s`, services that failed are asked again."""
        self._stopped.clear()
        self._until_s = time.monotonic() + within_s

    def allow_changes(self, until_s: float) -> None:
        """Make no change after `until_s`, by the monotonic clock."""
        self._changes_until_s = until_s

    def read(self, action: str, call: Callable[[], A], meaning: Callable[[A], T]) -> T:
        """Read something of AWS by `action`, IAM's name for it; return the `meaning` of the answer.

        Waits for its turn in the budget. What `meaning` can't make sense of is a `NonsenseError`.

        A service that throttles or does not answer is left in peace until the next cycle, and so
        are all of them when the credentials are no good. Raises `CallError`.
        """
        left_s = self._until_s - time.monotonic()
        bucket = self._bucket(action)
        if left_s <= 0 or not (bucket is None or bucket.take(KEPT_FOR_CHANGES, left_s)):
            self._calls.count(action, LaterError.outcome)
            raise LaterError(f"{action} was not called: the time or the budget for it is used up")
        return self._make(action, call, meaning)

    def change(self, action: str, call: Callable[[], A], meaning: Callable[[A], T]) -> T:
        """Change something in AWS by `action`, IAM's name for it, in a moment or not at all.

        `meaning` as in `read`; it is to be `nothing` where AWS has nothing to say.
        Raises `CallError`.
        """
        bucket = self._bucket(action)
        left_s = min(_PATIENCE_S, self._until_s - time.monotonic())
        if not (bucket is None or bucket.take(0, left_s)):
            self._calls.count(action, LaterError.outcome)
            raise LaterError(f"{action} was not called: the budget of API calls is used up")
        if time.monotonic() >= self._changes_until_s:
            self._calls.count(action, LaterError.outcome)
            raise LaterError(f"{action} was not called: the leader's lease had ended by then")
        return self._make(action, call, meaning)

    def _bucket(self, action: str) -> Bucket | None:
        if action == "lambda:GetFunction":
            return self._functions
        return self._lambda if action.startswith("lambda:") else None

    def _make(self, action: str, call: Callable[[], A], meaning: Callable[[A], T]) -> T:
        service = action.partition(":")[0]
        stopped = self._stopped.get(service) or self._stopped.get(_ALL)
        if stopped is not None:
            self._calls.count(action, LaterError.outcome)
            raise LaterError(f"{action} was not called in this cycle, after this: {stopped}")
        try:
            return self._calls.make(action, lambda: self._charged(action, call), meaning)
        except (ThrottledError, UnansweredError) as failure:
            self._stopped[service] = failure
            raise
        except CredentialsError as failure:
            self._stopped[_ALL] = failure
            raise

    def _charged(self, action: str, call: Callable[[], A]) -> A:
        try:
            answer = call()
        except ClientError as error:
            self._charge(action, error)
            raise
        self._charge(action, answer)
        return answer

    def _charge(self, action: str, answer: object) -> None:
        """Take what botocore's own retries have cost out of the budget."""
        bucket = self._bucket(action)
        if bucket is not None:
            bucket.charge(retries(answer))
