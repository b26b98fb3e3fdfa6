"""Every condition that a caller of the governor handles, one class each.

Messages say what happened, to what, and what to do next.
"""

from collections.abc import Sequence
from typing import Final

NAMED: Final = 3
"""How many of several that have the same a message names."""


def few(names: Sequence[str]) -> str:
    """Name a few of `names`, and say how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


class GovernorError(Exception):
    """Root of the governor's own errors."""


class InvalidInputError(GovernorError):
    """What a user sent (a request, a policy, an entry of it) can't be accepted; nothing changed.

    `field` is the dotted path of the offending field, such as ``functions.etl-load.headroom``;
    empty when the input as a whole is at fault.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Name the `field` and say why its value can't stand."""
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class UnknownEntryError(GovernorError):
    """The policy has no function or group of that name."""


class GroupInUseError(GovernorError):
    """Functions of the policy still name the group that was to be deleted."""


class PreconditionError(GovernorError):
    """An entry is no longer what the caller last saw (its ETag differs): read it again."""


class StoreUnavailableError(GovernorError):
    """The store can't be reached, does not answer in time, or refuses to work."""


class EmbeddedStoreError(GovernorError):
    """The embedded Valkey server can't be started."""


class SettingsError(GovernorError):
    """A setting is missing or malformed, contradicts another one, or names what can't be had."""
