"""What came of a scenario, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Invocations are counted at the platform; times are in seconds. None: it did not happen.

    Batches are all invocations that are not users', events' among them. Times count from the first
    burst, or from the start where there was none.
    """

    users_done: int
    users_denied: int
    users_throttled: int
    users_failed: int
    users_added_p99_ms: float
    batches_done: int
    batches_denied: int
    batches_throttled: int
    """Each time that one was: what was retried counts again."""
    batches_failed: int
    dead_letters: int
    failed_open: int
    """How often a layer stopped asking the governor for a while."""
    overruns: int
    pool_peak: int
    background_took_s: float | None
    """From the first burst to the end of the last batch so far."""
    cut_after_s: float | None
    """From the first burst to the first action."""
    put_back_after_s: float | None
    """From the first burst to the last action, if everything is as before after it."""
    cycles: int
    calls: int
    """All API calls of controllers, SQS's and CloudWatch's included."""
    lambda_calls: int
    """Those of Lambda's control plane."""
    lambda_budget: int
    run_s: float
    cpu_percent: float
    """Of one core, on average, the pytest process included."""

    @property
    def users_harmed(self) -> int:
        """Requests of users that were not served."""
        return self.users_denied + self.users_throttled + self.users_failed


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 don't exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


def cpu_s() -> float:
    """CPU time that this process and its children, as far as they live, have used so far."""
    own = psutil.Process()
    processes = [own, *own.children(recursive=True)]
    times = [each.cpu_times() for each in processes if each.is_running()]
    return float(sum(each.user + each.system for each in times))


def show(title: str, figures: Figures) -> None:
    """Print them."""
    table = Table(show_header=False)
    for each in fields(figures):
        value = getattr(figures, each.name)
        shown = "-" if value is None else f"{value:,.1f}" if isinstance(value, float) else value
        table.add_row(each.name.replace("_", " "), f"{shown}")
    console = Console(width=100)
    console.print(f"\n{title}", table)
