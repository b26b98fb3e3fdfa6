"""How functions did for a while, taken together, by CloudWatch."""

from collections.abc import Sequence
from typing import Final

from governor.aws.calls import Calls
from governor.controller.aws.metrics import BATCH, MINUTE_S, Metric, Span, series
from governor.fleet.aws.clients import Clients
from governor.fleet.health import Health

_NAMES: Final = ("Invocations", "Errors", "Duration")
_AT_ONCE: Final = BATCH // len(_NAMES)


def health(
    clients: Clients, calls: Calls, names: Sequence[str], start_s: float, end_s: float
) -> Health:
    """Read how the functions `names` did from `start_s` to `end_s`. Raises `CallError`.

    Whole minutes count; CloudWatch knows the last one or two not yet.
    """
    span = Span(start_s // MINUTE_S * MINUTE_S, -(-end_s // MINUTE_S) * MINUTE_S)
    totals = dict.fromkeys(_NAMES, 0.0)
    for first in range(0, len(names), _AT_ONCE):
        metrics = [
            Metric("AWS/Lambda", name, "Sum", "FunctionName", function)
            for function in names[first : first + _AT_ONCE]
            for name in _NAMES
        ]
        for metric, points in zip(
            metrics, series(calls.make, clients.metrics, metrics, span), strict=True
        ):
            totals[metric.name] += sum(value for _, value in points)
    return Health(round(totals["Invocations"]), round(totals["Errors"]), totals["Duration"])
