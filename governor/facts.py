"""What AWS says of functions, as far as a lease depends on it: what the controller learns.

Pure. It completes the policy, which is what the user wants; where both say something, the policy
goes first.
"""

from functools import cached_property

import msgspec
from msgspec import Struct, field

from governor.policy import version_of


class Facts(Struct, frozen=True, omit_defaults=True, dict=True):  # a __dict__, for the cached ones
    """Facts by function; those of whom nothing is known are not in here."""

    max_attempts: dict[str, int] = field(default_factory=dict)
    """After so many receives a message goes to the dead-letter queue: the lowest maxReceiveCount of
    the queues that feed the function (SQS developer guide, dead-letter queues)."""
    unshared: frozenset[str] = frozenset()
    """Functions with reserved concurrency, which don't draw on the account's shared pool (Lambda
    developer guide, reserved concurrency)."""

    @cached_property
    def document(self) -> bytes:
        """The facts as canonical JSON, empty if there are none: equal facts give equal bytes."""
        return msgspec.json.encode(self, order="deterministic") if self else b""

    @cached_property
    def version(self) -> str:
        """A name for exactly these facts, made from their content; empty if there are none."""
        return version_of(self.document) if self else ""

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.max_attempts or self.unshared)


def recorded(document: bytes) -> Facts:
    """Read facts that were recorded, none from an empty document.

    Their version is the stored document's, however another release writes the same facts.
    """
    if not document:
        return Facts()
    facts = msgspec.json.decode(document, type=Facts)
    vars(facts)["document"] = document
    return facts
