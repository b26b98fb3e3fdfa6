"""Reserved concurrency."""

from dataclasses import replace
from typing import Any

from governor.fleet.details import Details
from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check
from tests.fleet.cases.case import (
    LED,
    RUNNING,
    account,
    function,
    hint,
    mapping,
    warning,
)

LIMITED = "functions: {f: {priority: background, max_concurrency: 5}}"

UNSHARED = "functions: {f: {shared: false}}"


def reserved(count: int | None, policy: str = UNSHARED, **others: Any) -> Examined:
    """A function with reserved concurrency."""
    return account(function(), details={"f": Details(reserved=count)}, policy=policy, **others)


def queued(*mappings: Any, reserved: int | None = 10, **others: Any) -> Examined:
    """The same, and queues feed it."""
    return account(
        function(), mappings=mappings, details={"f": Details(reserved=reserved)}, **others
    )


def most(limit: int) -> str:
    return f"functions: {{f: {{shared: false, max_concurrency: {limit}}}}}"


CASES = (
    hint(Check.RESERVED_NOTHING, "function:f", reserved(0), reserved(1)),
    warning(
        Check.RESERVED_NOTHING,
        "function:f",
        account(function(), details={"f": Details(reserved=0)}, peaks={"f": 1}),
        account(function(), details={"f": Details(braked=5)}, peaks={"f": 1}),
        "it ran",
    ),
    warning(
        Check.RESERVED_NOTHING,
        "function:f",
        queued(mapping(), reserved=0),
        queued(mapping(), reserved=1),
        "uses up its receives",
    ),
    hint(
        Check.RESERVED_NOTHING,
        "function:f",
        queued(mapping(enabled=False), reserved=0),
        queued(mapping(), reserved=None),
    ),
    warning(
        Check.NO_RESERVATION,
        "function:f",
        reserved(None),
        account(function(), details={"f": Details(braked=5)}, policy=UNSHARED),
    ),
    hint(Check.SHARED_RESERVATION, "function:f", reserved(9, "{}"), reserved(9)),
    warning(
        Check.SHARED_RESERVATION,
        "function:f",
        reserved(9, "{}", governor=RUNNING),
        reserved(9, "{}", governor=replace(RUNNING, unshared=frozenset({"f"}))),
    ),
    warning(Check.NO_RESERVATION, "function:f", reserved(None), reserved(9), "shared: false"),
    warning(
        Check.NO_RESERVATION,
        "function:f",
        reserved(None),
        account(
            function(),
            details={"f": Details(unread=("lambda:GetFunction",))},
            policy=UNSHARED,
        ),
    ),
    warning(
        Check.RESERVATION_BELOW_LIMIT, "function:f", reserved(9, most(10)), reserved(10, most(10))
    ),
    hint(
        Check.RESERVATION_ABOVE_LIMIT, "function:f", reserved(11, most(10)), reserved(10, most(10))
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(queue="a", max_concurrency=6), mapping(queue="b", max_concurrency=5)),
        queued(mapping(queue="a", max_concurrency=5), mapping(queue="b", max_concurrency=5)),
        "11 invocations",
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping()),
        queued(mapping(enabled=False)),
        "any number",
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION, "function:f", queued(mapping()), queued(mapping("other"))
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(), reserved=1249),
        queued(mapping(), reserved=1250),
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(max_concurrency=11)),
        queued(mapping(max_concurrency=10)),
        "set its mapping's MaximumConcurrency to 10",
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(max_pollers=5), reserved=49),
        queued(mapping(max_pollers=5), reserved=50),
        "set its mapping's MaximumPollers to 4",
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(max_pollers=8, min_pollers=5), reserved=49),
        queued(mapping(max_pollers=5, min_pollers=5), reserved=50),
        "reserve 50 or more",
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(max_concurrency=2), reserved=1),
        queued(mapping(max_concurrency=2), reserved=2),
        "reserve 2 or more",
    ),
    hint(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(queue="q.fifo")),
        queued(mapping(queue="q.fifo", max_concurrency=10)),
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(queue="q.fifo"), mapping(queue="r", max_concurrency=11)),
        queued(mapping(queue="r", max_concurrency=10)),
    ),
    warning(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(), governor=LED),
        queued(mapping(), governor=LED, reserved=0),
    ),
    hint(
        Check.QUEUES_OVER_RESERVATION,
        "function:f",
        queued(mapping(), governor=LED, policy=LIMITED),
        queued(mapping(), governor=LED, reserved=None),
    ),
)
