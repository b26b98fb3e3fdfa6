"""Queues that feed functions: whether denied, throttled and failed messages come again in time."""

from collections.abc import Iterator

from governor.controller.plan.knobs import MOST_ON_DEMAND, floor, while_on
from governor.fleet.doctor.examined import Examined, Queue
from governor.fleet.doctor.finding import (
    Check,
    Finding,
    error,
    hint,
    in_shadow,
    warning,
    while_off,
)
from governor.fleet.doctor.letting import held_to
from governor.fleet.function import EventSourceMapping

VISIBILITY_TIMEOUTS = 6
RECEIVES = 5


def deleted_queue(examined: Examined) -> Iterator[Finding]:
    """The queue of a mapping exists.

    No mapping can be given another source (API reference, UpdateEventSourceMapping).
    """
    for mapping in examined.discovery.mappings:
        if mapping.source in examined.gone:
            found = error(
                Check.DELETED_QUEUE,
                f"queue:{mapping.source.rpartition(':')[2]}",
                f"it does not exist (any more), and the mapping {mapping.uuid} polls it for "
                f"{mapping.function}: nothing gets to the function that way",
                "delete the mapping, which can't be given another queue, or make the queue again",
            )
            yield _as_is(mapping, found)


def visibility_timeout(examined: Examined) -> Iterator[Finding]:
    """A visibility timeout is at least six of the function's timeout and the batching window.

    Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping". Below the
    function's timeout, AWS refuses to make the mapping; but the queue can be changed afterwards.
    """
    for row, mapping, queue in examined.fed:
        name, timeout_s, window_s = (
            row.function.name,
            row.function.timeout_s,
            mapping.knobs.window_s,
        )
        least_s = VISIBILITY_TIMEOUTS * timeout_s + window_s
        if queue.visibility_s >= least_s:
            continue
        window = f" + batching window {window_s} s" if window_s else ""
        fix = (
            f"set the queue's VisibilityTimeout to {least_s} or more "
            f"({VISIBILITY_TIMEOUTS} × timeout {timeout_s} s{window})"  # noqa: RUF001 - times
        )
        if queue.visibility_s < timeout_s:
            what = (
                f"its messages are visible again after {queue.visibility_s} s, while {name} may "
                f"still work on them (timeout {timeout_s} s): they are processed twice"
            )
            found = error(Check.VISIBILITY_TIMEOUT, f"queue:{queue.name}", what, fix)
        else:
            what = (
                f"its messages are visible again after {queue.visibility_s} s; AWS advises "
                f"{least_s} s for {name}, so that there is time to try again when it is throttled"
            )
            found = warning(Check.VISIBILITY_TIMEOUT, f"queue:{queue.name}", what, fix)
        yield _as_is(mapping, found)


def receive_count(examined: Examined) -> Iterator[Finding]:
    """A maxReceiveCount is at least 5.

    Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping". A denial
    uses up a receive, and a throttle may.
    """
    for row, mapping, queue in examined.fed:
        count = queue.max_receive_count
        if count is None or count >= RECEIVES:
            continue
        times = "once" if count == 1 else f"{count} times"
        what = f"its messages go to the dead-letter queue when they were received {times}"
        if count == 1:
            what += f": {row.function.name} can't be denied without losing them, nor fail once"
        else:
            what += ", and each denial, error or throttle may be one"
        fix = f"set maxReceiveCount to {RECEIVES} or more in the queue's redrive policy"
        yield _as_is(mapping, warning(Check.RECEIVE_COUNT, f"queue:{queue.name}", what, fix))


def dead_letter_queue(examined: Examined) -> Iterator[Finding]:
    """A queue should have a dead-letter queue, unless it is one or order must not break.

    What fails again in a dead-letter queue stays there, which is what it is for. SQS developer
    guide, "Using dead-letter queues in Amazon SQS": of a FIFO queue it breaks the order of
    messages.
    """
    for row, mapping, queue in examined.fed:
        if queue.max_receive_count is not None or queue.arn in examined.dead_letters:
            continue
        what = (
            f"it has no dead-letter queue: a message on which {row.function.name} fails comes "
            "again and again, until the queue's retention is over and it is deleted"
        )
        fix = f"give it a redrive policy with a maxReceiveCount of {RECEIVES} or more"
        if queue.is_fifo:
            what += ", and those of its message group wait behind it"
            fix += ", unless their order counts for more"
            found = hint(Check.DEAD_LETTER_QUEUE, f"queue:{queue.name}", what, fix)
        else:
            found = warning(Check.DEAD_LETTER_QUEUE, f"queue:{queue.name}", what, fix)
        yield _as_is(mapping, found)


def max_attempts(examined: Examined) -> Iterator[Finding]:
    """The governor knows which attempt is the last one.

    Rule 13 of the ledger: an attempt as high as max_attempts is not denied. SQS developer guide,
    "Using dead-letter queues in Amazon SQS": the message that was received maxReceiveCount times
    goes to the dead-letter queue.
    """
    for row, mapping, queue in examined.fed:
        name = row.function.name
        found = _denied_to_the_end(examined, name, queue) if examined.is_limited(name) else None
        if found is not None:
            yield _as_is(mapping, found if examined.is_enforced(name) else in_shadow(found))


def _denied_to_the_end(examined: Examined, name: str, queue: Queue) -> Finding | None:
    count, said, governor = (
        queue.max_receive_count,
        examined.entry(name).max_attempts,
        examined.governor,
    )
    if count is None:
        return None
    if said is not None and said > count:
        what = (
            f"the policy denies up to attempt {said - 1}, but after {count} receives messages of "
            f"{queue.name} are in the dead-letter queue: denied, and never processed"
        )
        fix = f"set max_attempts to {count}, or leave it out and run a controller"
        return error(Check.MAX_ATTEMPTS, f"function:{name}", what, fix)
    if said is None and governor and governor.store and name not in governor.max_attempts:
        what = (
            f"after {count} receives messages of {queue.name} go to the dead-letter queue, and the "
            "governor does not know that: it denies the last receive, too"
        )
        fix = f"set max_attempts to {count}, or run a controller, which reads it of the queue"
        return error(Check.MAX_ATTEMPTS, f"function:{name}", what, fix)
    return None


def no_back_off(examined: Examined) -> Iterator[Finding]:
    """With ReportBatchItemFailures Lambda does not poll more slowly when invocations fail.

    Lambda developer guide, "Handling errors for an SQS event source in Lambda" (partial batch
    responses). A denial is such a failure, of the whole batch. A FIFO queue has at once what it has
    of message groups ("Configuring scaling behavior for SQS event source mappings"), and nobody
    knows how many.
    """
    for row, mapping, queue in examined.fed:
        name = row.function.name
        limit, lets = examined.tightest(name), while_on(mapping.knobs)
        if not (mapping.reports_failures and examined.is_limited(name)) or limit is None:
            continue
        at_most = MOST_ON_DEMAND if lets is None else lets
        if at_most <= max(limit, floor(mapping)):
            continue
        most = "any number" if lets is None else f"{lets}"
        if lets is None and queue.is_fifo:
            most = "as many as it has message groups"
        what = (
            f"its mapping to {queue.name} has ReportBatchItemFailures, so Lambda does not slow "
            f"down when the governor denies: it goes on with {most} at once where {limit} may run, "
            "and each denied batch uses up a receive"
        )
        fix = f"set the mapping's {held_to(mapping, limit)} at most"
        if examined.has_leader:
            fix += "; a controller does so"
        else:
            fix += ", run a controller, or take ReportBatchItemFailures out"
        mild = examined.has_leader or (lets is None and queue.is_fifo)
        found = (hint if mild else warning)(Check.NO_BACK_OFF, f"function:{name}", what, fix)
        yield _as_is(mapping, found if examined.is_enforced(name) else in_shadow(found))


def _as_is(mapping: EventSourceMapping, found: Finding) -> Finding:
    """What a finding is as the mapping stands: nothing comes of one that is disabled."""
    return found if mapping.knobs.enabled else while_off(found)


RULES = (
    deleted_queue,
    visibility_timeout,
    receive_count,
    dead_letter_queue,
    max_attempts,
    no_back_off,
)
