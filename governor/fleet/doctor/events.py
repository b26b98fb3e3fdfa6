"""Asynchronous events: whether one that is denied is lost."""

from collections.abc import Iterator

from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check, Finding, error, hint, in_shadow
from governor.fleet.function import Function
from governor.fleet.sources import Kind, Source

_CONFIGS = "lambda:ListFunctionEventInvokeConfigs"
_WAIT = frozenset(
    {
        *("S3", "SNS", "EventBridge", "CloudWatch Logs", "CloudWatch alarm", "CloudFormation"),
        *("CodeCommit", "CodePipeline", "Config", "SES"),
    }
)
"""Sources whose events the layer knows to be asynchronous: denied, they wait and run after all."""


def lost_events(examined: Examined) -> Iterator[Finding]:
    """An asynchronous function that may be denied needs somewhere for the events that it loses.

    Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation": a
    function error is retried twice, then the event is dropped unless there is a dead-letter queue
    or an on-failure destination. A denial that the layer raises is a function error.
    """
    for row in examined.discovery.rows:
        function, details = row.function, row.details
        sources = [each for each in row.sources if each.kind is Kind.ASYNC]
        if not sources or function.dead_letter or details.on_failure or _CONFIGS in details.unread:
            continue
        if not examined.is_limited(function.name):
            continue
        named = ", ".join(dict.fromkeys(each.name for each in sources))
        fix = "give it an on-failure destination or a dead-letter queue"
        if _runs_after_all(function, sources):
            what = (
                f"events from {named} are not denied, they wait and run after all; but it has "
                "nowhere for events on which it fails itself: after two retries they are dropped"
            )
            found = hint(Check.LOST_EVENTS, f"function:{function.name}", what, fix)
        else:
            what = (
                f"a denied event from {named} is an error to Lambda, which tries it twice more at "
                "most, within three minutes, and then drops it: there is nowhere else for it to go"
            )
            found = error(Check.LOST_EVENTS, f"function:{function.name}", what, fix)
        yield found if examined.is_enforced(function.name) else in_shadow(found)


def _runs_after_all(function: Function, sources: list[Source]) -> bool:
    """Whether the layer has denied events of `sources` run (README, GOVERNOR_ON_DENIED)."""
    said = function.variables.get("GOVERNOR_ON_DENIED", "auto")
    if function.variables.get("GOVERNOR_FAIL") == "closed" or said == "raise":
        return False
    return said == "run" or all(each.name in _WAIT for each in sources)


RULES = (lost_events,)
