"""Calls that keep a pace.

Lambda's control plane takes 15 requests per second of all tools of an account together; GetPolicy
has 15 and GetFunction 100 of its own (Lambda quotas, "API requests"). Who reads thousands of
functions at that rate would have deployments throttled.
"""

from collections.abc import Callable
from math import inf
from typing import Final, TypeVar

from governor.aws.calls import Calls
from governor.controller.aws.bucket import Bucket

GET_FUNCTION_PER_S: Final = 30.0
_BURST_S: Final = 1.0

A = TypeVar("A")
T = TypeVar("T")


class PacedCalls(Calls):
    """Makes calls, of several threads at once; those of Lambda wait for their turn."""

    def __init__(self, lambda_per_s: float) -> None:
        """Make so many calls of Lambda's control plane a second, and as many of GetPolicy."""
        super().__init__()
        self._control = Bucket(lambda_per_s, max(1.0, lambda_per_s * _BURST_S))
        self._own = {
            "lambda:GetPolicy": Bucket(lambda_per_s, max(1.0, lambda_per_s * _BURST_S)),
            "lambda:GetFunction": Bucket(GET_FUNCTION_PER_S, GET_FUNCTION_PER_S * _BURST_S),
        }

    def make(self, action: str, call: Callable[[], A], meaning: Callable[[A], T]) -> T:
        """Make the call when it is its turn, as `Calls` does."""
        if action.startswith("lambda:"):
            self._own.get(action, self._control).take(0, inf)
        return super().make(action, call, meaning)
