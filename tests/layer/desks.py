"""A desk to check in at, and an invocation to check in."""

from governor_layer.checkin import Desk
from governor_layer.denial import Denial
from governor_layer.settings import Settings

AMPLE_MS = "20000"
"""A timeout that only a hanging layer would reach."""


class Context:
    """What the runtime tells a handler of its invocation."""

    def __init__(self, request_id: str = "c6af9ac6-7b61", remaining_ms: int = 3000) -> None:
        """Fix the values."""
        self.aws_request_id = request_id
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        """The same until it is changed."""
        return self.remaining_ms


def desk(url: str, **variables: str) -> Desk:
    """A desk that asks at `url`."""
    environ = {"GOVERNOR_URL": url, "AWS_LAMBDA_FUNCTION_NAME": "etl-load"}
    return Desk(Settings({**environ, "GOVERNOR_TIMEOUT_MS": AMPLE_MS, **variables}))


def lease(outcome: str | Denial) -> str:
    """The id of a lease that has been granted."""
    assert isinstance(outcome, str)
    return outcome
