"""One event-source mapping, as the account shows it, and actions on it."""

import time

from governor.controller.actions import Outcome, Result, Turn
from governor.controller.aws.account import AwsAccount
from governor.controller.observed import EventSourceMapping, Knobs
from governor.model import ACCOUNT, ScopeCount

NOW = time.time() // 60 * 60 + 30
IDLE = {ACCOUNT: ScopeCount()}
DONE = Outcome(Result.DONE)
KEY = "governor:original"


def seen(account: AwsAccount, at_s: float = NOW) -> EventSourceMapping:
    """The only mapping."""
    (mapping,) = account.observe(IDLE, at_s).mappings or ()
    return mapping


def turn(mapping: EventSourceMapping, after: Knobs, original: Knobs | None = None) -> Turn:
    """Turn a mapping's knobs from where they are."""
    first = original or mapping.original or mapping.knobs
    return Turn(mapping.uuid, mapping.arn, mapping.function, mapping.knobs, after, first, "")
