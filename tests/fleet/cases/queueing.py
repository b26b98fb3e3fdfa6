"""Queues and asynchronous events."""

from dataclasses import replace
from typing import Any

from governor.fleet.details import Details
from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check
from tests.fleet.cases.case import (
    IOT,
    LED,
    LOGS,
    RUNNING,
    S3,
    account,
    attached,
    error,
    function,
    hint,
    mapping,
    queue,
    warning,
)

LIMITED = "functions: {f: {priority: background, max_concurrency: 5}}"
SHADOW = "functions: {f: {priority: background, max_concurrency: 5, mode: shadow}}"


def fed(
    visibility_s: int = 600,
    receives: int | None = 5,
    timeout_s: int = 60,
    name: str = "q",
    *,
    enabled: bool = True,
) -> Examined:
    """A function that a queue feeds, which nobody governs."""
    return account(
        function(timeout_s=timeout_s),
        mappings=(mapping(queue=name, enabled=enabled),),
        queues=(queue(name, visibility_s=visibility_s, receives=receives),),
    )


def redriving(to: str) -> Examined:
    """Two queues with a function each: the one without a dead-letter queue may be the other's."""
    return account(
        function(timeout_s=60),
        function("mourner", timeout_s=60),
        mappings=(mapping(), mapping("mourner", "dead")),
        queues=(queue(dead=to), queue("dead", receives=None)),
    )


def deleted(*, enabled: bool = True) -> Examined:
    """A function that is fed by a queue which is gone."""
    gone = mapping(enabled=enabled)
    return account(function(), mappings=(gone,), gone=frozenset({gone.source}))


def windowed(visibility_s: int) -> Examined:
    return account(
        function(timeout_s=60),
        mappings=(mapping(window_s=20),),
        queues=(queue(visibility_s=visibility_s),),
    )


def denied(policy: str = LIMITED, receives: int = 5, governor: Any = None) -> Examined:
    """A function that a queue feeds and the governor may deny."""
    return account(
        attached(timeout_s=60),
        mappings=(mapping(),),
        queues=(queue(receives=receives),),
        policy=policy,
        governor=governor,
    )


def reporting(**others: Any) -> Examined:
    """The same, and it reports which messages failed; `others` are the mapping's."""
    policy, governor = others.pop("policy", LIMITED), others.pop("governor", None)
    return account(
        attached(timeout_s=60),
        mappings=(mapping(reports_failures=True, **others),),
        queues=(queue(others.get("queue", "q")),),
        policy=policy,
        governor=governor,
    )


def asynchronous(policy: str = LIMITED, dead: str = "", **details: Any) -> Examined:
    """A function that IoT calls, by events of the user's own shape, and the governor may deny."""
    known = {"callers": (IOT,)} | details
    return account(attached(dead_letter=dead), details={"f": Details(**known)}, policy=policy)


def called(caller: Any, **variables: str) -> Examined:
    return account(
        attached(variables=variables), details={"f": Details(callers=(caller,))}, policy=LIMITED
    )


CASES = (
    error(Check.DELETED_QUEUE, "queue:q", deleted(), fed(), "delete the mapping"),
    hint(Check.DELETED_QUEUE, "queue:q", deleted(enabled=False), fed(enabled=False), "is disabled"),
    error(
        Check.VISIBILITY_TIMEOUT, "queue:q", fed(visibility_s=59), fed(visibility_s=360), "twice"
    ),
    warning(
        Check.VISIBILITY_TIMEOUT, "queue:q", fed(visibility_s=60), fed(visibility_s=360), "360"
    ),
    warning(
        Check.VISIBILITY_TIMEOUT, "queue:q", fed(visibility_s=359), fed(visibility_s=360), "360"
    ),
    warning(Check.VISIBILITY_TIMEOUT, "queue:q", windowed(379), windowed(380), "380"),
    warning(Check.RECEIVE_COUNT, "queue:q", fed(receives=4), fed(receives=5), "4 times"),
    warning(Check.RECEIVE_COUNT, "queue:q", fed(receives=4), fed(receives=None), "may be one"),
    warning(Check.RECEIVE_COUNT, "queue:q", fed(receives=1), fed(), "received once: f can't be"),
    warning(Check.DEAD_LETTER_QUEUE, "queue:q", fed(receives=None), fed(), "redrive"),
    warning(Check.DEAD_LETTER_QUEUE, "queue:dead", redriving("other"), redriving("dead")),
    warning(
        Check.DEAD_LETTER_QUEUE,
        "queue:q",
        fed(receives=None),
        account(
            function(timeout_s=60),
            function("events", dead_letter=mapping().source),
            mappings=(mapping(),),
            queues=(queue(receives=None),),
        ),
    ),
    hint(
        Check.DEAD_LETTER_QUEUE,
        "queue:q.fifo",
        fed(receives=None, name="q.fifo"),
        fed(name="q.fifo"),
        "message group",
    ),
    hint(
        Check.DEAD_LETTER_QUEUE,
        "queue:q",
        fed(receives=None, enabled=False),
        fed(enabled=False),
        "once the mapping is enabled",
    ),
    hint(
        Check.VISIBILITY_TIMEOUT,
        "queue:q",
        fed(visibility_s=59, enabled=False),
        fed(visibility_s=360, enabled=False),
        "processed twice; so it will be",
    ),
    hint(Check.RECEIVE_COUNT, "queue:q", fed(receives=4, enabled=False), fed(enabled=False)),
    error(
        Check.MAX_ATTEMPTS,
        "function:f",
        denied("functions: {f: {max_concurrency: 5, max_attempts: 6}}"),
        denied("functions: {f: {max_concurrency: 5, max_attempts: 5}}"),
        "up to attempt 5",
    ),
    error(
        Check.MAX_ATTEMPTS,
        "function:f",
        denied(governor=RUNNING),
        denied(governor=replace(RUNNING, max_attempts={"f": 5})),
        "does not know",
    ),
    error(
        Check.MAX_ATTEMPTS,
        "function:f",
        denied(governor=RUNNING),
        denied("{}", governor=RUNNING),
    ),
    warning(
        Check.MAX_ATTEMPTS,
        "function:f",
        denied(SHADOW, governor=RUNNING),
        denied("{}", governor=RUNNING),
        "in shadow mode",
    ),
    error(Check.MAX_ATTEMPTS, "function:f", denied(governor=RUNNING), denied()),
    warning(
        Check.NO_BACK_OFF, "function:f", reporting(), reporting(max_concurrency=5), "any number"
    ),
    warning(
        Check.NO_BACK_OFF, "function:f", reporting(max_concurrency=6), denied(), "6 at once where 5"
    ),
    warning(
        Check.NO_BACK_OFF,
        "function:f",
        reporting(max_pollers=3),
        reporting(max_pollers=2),
        "set the mapping's MaximumPollers to 2 at most",
    ),
    warning(
        Check.NO_BACK_OFF,
        "function:f",
        reporting(policy=LIMITED.replace("5", "1"), max_concurrency=3),
        reporting(policy=LIMITED.replace("5", "1"), max_concurrency=2),
        "MaximumConcurrency to 2 at most",
    ),
    hint(
        Check.NO_BACK_OFF,
        "function:f",
        reporting(queue="q.fifo"),
        reporting(queue="q.fifo", max_concurrency=5),
        "as many as it has message groups at once",
    ),
    warning(
        Check.NO_BACK_OFF,
        "function:f",
        reporting(policy=LIMITED.replace("5", "1200")),
        reporting(policy=LIMITED.replace("5", "1250")),
        "MaximumConcurrency to 1000 at most",
    ),
    hint(Check.NO_BACK_OFF, "function:f", reporting(enabled=False), reporting(max_concurrency=5)),
    hint(
        Check.NO_BACK_OFF,
        "function:f",
        reporting(governor=LED),
        reporting(governor=LED, max_concurrency=5),
    ),
    hint(Check.NO_BACK_OFF, "function:f", reporting(policy=SHADOW), reporting(policy="{}")),
    error(
        Check.LOST_EVENTS,
        "function:f",
        asynchronous(),
        asynchronous(on_failure="arn:aws:sqs:eu-central-1:1:dead"),
        "IoT",
    ),
    error(Check.LOST_EVENTS, "function:f", asynchronous(), asynchronous(dead="arn")),
    error(Check.LOST_EVENTS, "function:f", asynchronous(), asynchronous("{}")),
    warning(
        Check.LOST_EVENTS, "function:f", asynchronous(SHADOW), asynchronous("{}"), "shadow mode"
    ),
    error(
        Check.LOST_EVENTS,
        "function:f",
        asynchronous(),
        asynchronous(unread=("lambda:ListFunctionEventInvokeConfigs",)),
    ),
    error(
        Check.LOST_EVENTS,
        "function:f",
        called(S3, GOVERNOR_ON_DENIED="raise"),
        called(S3, GOVERNOR_ON_DENIED="raise", GOVERNOR_DISABLED="1"),
    ),
    error(Check.LOST_EVENTS, "function:f", called(S3, GOVERNOR_FAIL="closed"), denied()),
    hint(Check.LOST_EVENTS, "function:f", called(S3), denied(), "wait and run"),
    hint(Check.LOST_EVENTS, "function:f", called(IOT, GOVERNOR_ON_DENIED="run"), denied()),
    hint(Check.LOST_EVENTS, "function:f", called(LOGS), asynchronous(dead="arn"), "wait and run"),
)
