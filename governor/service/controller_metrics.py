"""The controller's metrics, from the report that its leader left in the store.

So they are the same at every replica of the service, wherever the leader runs, and counters go on
when another one leads.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from governor.report import Report, Tally
from governor.service.bodies.status import ControllerStatus

_BUDGET: Final = ("governor_controller_budget", "What background work may take altogether.")
_DEMAND: Final = ("governor_controller_demand", "What user-facing functions need.")


class ControllerCollector(Collector):
    """Reports what a controller tells; nothing but its absence if there never was one."""

    def __init__(self, controller: ControllerStatus, now_s: float) -> None:
        """Report `controller` as it stands at `now_s` by the store's clock."""
        self._controller = controller
        self._now_s = now_s

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        yield GaugeMetricFamily(
            "governor_controller_leader",
            "Whether a controller leads the pool (1) or none does (0).",
            int(self._controller.leader is not None),
        )
        yield GaugeMetricFamily(
            "governor_controller_paused",
            "Whether an admin has paused the controller (1).",
            int(self._controller.paused),
        )
        if self._controller.report is not None:
            yield from self._of_the_last_cycle(self._controller.report)

    def _of_the_last_cycle(self, report: Report) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "governor_controller_cycle_seconds", "How long the last cycle took.", report.cycle_s
        )
        yield GaugeMetricFamily(
            "governor_controller_cycle_age_seconds",
            "Time since the last cycle ended.",
            max(0.0, self._now_s - report.at_s),
        )
        yield GaugeMetricFamily(
            "governor_controller_acting",
            "Whether the last cycle could see and was allowed to act (1).",
            int(report.state == "acting"),
        )
        yield GaugeMetricFamily(
            "governor_controller_drift", "What someone else has changed: hands off.", report.drift
        )
        if report.budget is not None:
            yield GaugeMetricFamily(*_BUDGET, report.budget.background)
            yield GaugeMetricFamily(*_DEMAND, report.budget.user_facing)
        yield from _mappings(report)
        yield _counter(
            "governor_controller_actions_total",
            "Actions by kind and outcome.",
            ("kind", "outcome"),
            report.action_totals,
        )
        confirmations = CounterMetricFamily(
            "governor_controller_confirmations_total",
            "What became of changes that were sent.",
            labels=["state"],
        )
        for state, times in report.confirmation_totals.items():
            confirmations.add_metric([state], times)
        yield confirmations
        yield _counter(
            "governor_controller_calls_total",
            "API calls to AWS by operation and outcome.",
            ("operation", "outcome"),
            report.call_totals,
        )


def _mappings(report: Report) -> Iterator[Metric]:
    labels = ("mapping", "function")
    allowed = GaugeMetricFamily(
        "governor_controller_allowed_concurrency",
        "What AWS may run of a mapping, where that is limited.",
        labels=labels,
    )
    observed = GaugeMetricFamily(
        "governor_controller_observed_concurrency",
        "What runs of a mapping's function, by the ledger.",
        labels=labels,
    )
    messages = GaugeMetricFamily(
        "governor_controller_queue_messages",
        "What waits in a mapping's queue.",
        labels=labels,
    )
    oldest = GaugeMetricFamily(
        "governor_controller_queue_oldest_seconds",
        "Age of the oldest message in a mapping's queue, by CloudWatch.",
        labels=labels,
    )
    for each in report.mappings:
        values = (each.mapping, each.function)
        if each.allowed is not None:
            allowed.add_metric(values, each.allowed)
        observed.add_metric(values, each.observed)
        if each.messages is not None:
            messages.add_metric(values, each.messages)
        if each.oldest_s is not None:
            oldest.add_metric(values, each.oldest_s)
    yield from (allowed, observed, messages, oldest)


def _counter(name: str, text: str, labels: tuple[str, str], totals: Tally) -> Metric:
    counter = CounterMetricFamily(name, text, labels=labels)
    for what, outcomes in totals.items():
        for outcome, times in outcomes.items():
            counter.add_metric((what, outcome), times)
    return counter
