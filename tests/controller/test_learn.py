"""What is learned from snapshots, whole ones and partial ones."""

from dataclasses import replace

import pytest

from governor.controller.learn import learned
from governor.controller.observed import EventSourceMapping, FunctionFacts, Knobs, Observed, Queue
from governor.facts import Facts

KNOWN = Facts({"etl": 4, "gone": 7}, frozenset({"kept", "gone"}))


def snapshot(**receives: int | None) -> Observed:
    """Two queues, q1 and q2, feed `etl`; those that `receives` names could be read."""
    return Observed(
        at_s=1.0,
        mappings=tuple(
            EventSourceMapping(f"m-{name}", f"arn:{name}", "etl", name, Knobs())
            for name in ("q1", "q2")
        ),
        queues={
            name: Queue(name, 0, 0, max_receive_count=count) for name, count in receives.items()
        },
    )


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (snapshot(q1=5, q2=3), {"etl": 3}),
        (snapshot(q1=5, q2=None), {"etl": 5}),
        (snapshot(q1=None, q2=None), {}),
        (snapshot(q1=5), {"etl": 4}),
        (snapshot(), {"etl": 4}),
        (replace(snapshot(), mappings=None), {"etl": 4, "gone": 7}),
        (replace(snapshot(), mappings=()), {}),
    ],
    ids=["lowest", "no dead-letter queue", "none at all", "one unread", "unread", "blind", "gone"],
)
def test_attempts(observed: Observed, expected: dict[str, int]) -> None:
    assert learned(KNOWN, observed).max_attempts == expected


OWN = FunctionFacts("own", 30, reserved=10)
BRAKED = FunctionFacts("braked", 30, reserved=10, braked=True)
FREE = FunctionFacts("kept", 30)


@pytest.mark.parametrize(
    ("functions", "missing", "expected"),
    [
        ([OWN, BRAKED], (), {"own"}),
        ([OWN], ("function kept: not read yet",), {"own", "kept", "gone"}),
        ([FREE], ("function gone: not read yet",), {"gone"}),
        ([replace(OWN, reserved=0)], (), {"own"}),
        ([], (), set()),
    ],
    ids=["the brake is ours", "unread", "freed", "switched off by its owner", "gone"],
)
def test_reserved_concurrency(
    functions: list[FunctionFacts], missing: tuple[str, ...], expected: set[str]
) -> None:
    observed = Observed(1.0, functions={each.name: each for each in functions}, missing=missing)
    assert learned(KNOWN, observed).unshared == expected
