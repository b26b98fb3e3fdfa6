"""Acts that never were, for what judges and draws them."""

from governor.demo.recording import Event, Recording, Sample
from governor.demo.script import Act
from governor.demo.watch import Run

ACT = Act(length_s=4, burst_at_s=1, messages=10)

REASON = "report-gen: unlimited → 5: user-facing demand 6 of 20, headroom 4"


def sample(at_s: float, *running: int, **counted: int) -> Sample:
    """How things stand at `at_s`: what runs of each function, and what has been `counted`."""
    nothing = dict.fromkeys(
        (
            *("waiting", "served", "throttled", "denied", "done"),
            *("background_throttled", "background_denied", "failed"),
        ),
        0,
    )
    return Sample(at_s, running or (0, 0, 0), allowed=(None, None), **(nothing | counted))


def without(*runs: Run, **counted: int) -> Recording:
    """An act in which the pool is full and three requests are refused."""
    last = {"served": 9, "throttled": 3, "done": 10, "background_throttled": 7} | counted
    return Recording(
        ACT,
        [
            sample(0, 3, 0, 0),
            sample(1, 3, 9, 8, waiting=10, served=4),
            sample(2, 4, 8, 8, waiting=2, served=8, throttled=2, done=2),
            sample(3, 0, 0, 0, **last),
        ],
        runs or (Run("report-gen", 0, 10), Run("thumbnails", 5, 15)),
    )


def governed(*runs: Run, **counted: int) -> Recording:
    """An act in which nobody is refused, and the last messages are not done."""
    last = {"served": 12, "done": 8, "waiting": 2, "background_denied": 5} | counted
    return Recording(
        ACT,
        [sample(0, 3, 0, 0), sample(1, 3, 4, 4, waiting=10, served=4), sample(3, 2, 0, 0, **last)],
        runs or (Run("orders-api", 0, 10, added_ns=2_000_000),),
        [Event(2, REASON)],
    )
