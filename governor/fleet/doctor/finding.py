"""A finding: what is the case, and what to do about it. Values only."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is; in this order."""

    ERROR = "error"
    """Something fails, is lost or does not hold: now, or when the policy is enforced."""
    WARNING = "warning"
    """It will under load, or is not what the policy means."""
    HINT = "hint"
    """It is worth knowing, and may be on purpose."""


class Check(StrEnum):
    """What was looked for."""

    DELETED_QUEUE = "deleted-queue"
    VISIBILITY_TIMEOUT = "visibility-timeout"
    RECEIVE_COUNT = "receive-count"
    DEAD_LETTER_QUEUE = "dead-letter-queue"
    MAX_ATTEMPTS = "max-attempts"
    NO_BACK_OFF = "no-back-off"
    LOST_EVENTS = "lost-events"
    RESERVED_NOTHING = "reserved-nothing"
    SHARED_RESERVATION = "shared-reservation"
    NO_RESERVATION = "no-reservation"
    RESERVATION_BELOW_LIMIT = "reservation-below-limit"
    RESERVATION_ABOVE_LIMIT = "reservation-above-limit"
    QUEUES_OVER_RESERVATION = "queues-over-reservation"
    QUEUES_OVER_ACCOUNT = "queues-over-account"
    NO_POLICY = "no-policy"
    ACCOUNT_LIMIT = "account-limit"
    GROUP_LIMIT = "group-limit"
    FUNCTION_LIMIT = "function-limit"
    LIMITS_ADD_UP = "limits-add-up"
    NOTHING_RUNS = "nothing-runs"
    UNKNOWN_FUNCTION = "unknown-function"
    EMPTY_GROUP = "empty-group"
    HEADROOM = "headroom"
    SENSELESS_WISH = "senseless-wish"
    UNATTACHED = "unattached"
    HALF_ATTACHED = "half-attached"
    STANDS_ASIDE = "stands-aside"
    OLD_ALIAS = "old-alias"
    SEVERAL_GOVERNORS = "several-governors"
    NO_FUNCTIONS = "no-functions"
    GOVERNOR_URL = "governor-url"
    UNREACHABLE = "unreachable"
    SILENT_GOVERNOR = "silent-governor"
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - a check's name
    NO_TOKEN = "no-token"  # noqa: S105 - a check's name
    TOKEN_ROLE = "token-role"  # noqa: S105 - a check's name
    PLAIN_TOKEN = "plain-token"  # noqa: S105 - a check's name
    STORE_DOWN = "store-down"
    EVICTION = "eviction"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found of a subject, such as `function:etl`, and the fix."""

    severity: Severity
    check: Check
    subject: str
    what: str
    fix: str


def error(check: Check, subject: str, what: str, fix: str) -> Finding:
    """Return a finding of that severity."""
    return Finding(Severity.ERROR, check, subject, what, fix)


def warning(check: Check, subject: str, what: str, fix: str) -> Finding:
    """Return a finding of that severity."""
    return Finding(Severity.WARNING, check, subject, what, fix)


def hint(check: Check, subject: str, what: str, fix: str) -> Finding:
    """Return a finding of that severity."""
    return Finding(Severity.HINT, check, subject, what, fix)


def in_shadow(finding: Finding) -> Finding:
    """Return what a finding is while the limits that bring it about are in shadow mode."""
    softer = Severity.HINT if finding.severity is not Severity.ERROR else Severity.WARNING
    what = f"{finding.what}; so it will be once its limits are enforced, which are in shadow mode"
    return replace(finding, severity=softer, what=what)


def while_off(finding: Finding) -> Finding:
    """Return what a finding is while the mapping that brings it about is disabled."""
    what = f"{finding.what}; so it will be once the mapping is enabled, which is disabled"
    return replace(finding, severity=Severity.HINT, what=what)
