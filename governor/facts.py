"""What AWS says of functions, as far as a lease depends on it: learned by the controller or a sync.

Pure. It completes the policy, which is what the user wants; where both say something, the policy
goes first.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from governor.policy import version_of

Tags = Mapping[str, Mapping[str, str]]
"""Functions' tags: values by key, by function."""

STACK: Final = "aws:cloudformation:stack-name"
"""The tag that tells a function's stack; CloudFormation sets it (its user guide, resource tags)."""

PRIORITY: Final = "governor:priority"
MAX_CONCURRENCY: Final = "governor:max-concurrency"
GROUPS: Final = "governor:groups"
WISHES: Final = (PRIORITY, MAX_CONCURRENCY, GROUPS)
"""Tags in which a function says what it wants of the governor; see `governor.wishes`."""

_THEIRS: Final = ("aws:", "governor:")
_OF_THEIRS: Final = frozenset({STACK, *WISHES})
_WISH: Final = b'"governor:'

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode_tags: Final = msgspec.json.Decoder(dict[str, str]).decode


class Facts(Struct, frozen=True, omit_defaults=True, dict=True):  # a __dict__, for the cached ones
    """Facts by function; those of whom nothing is known are not in here."""

    max_attempts: dict[str, int] = field(default_factory=dict)
    """After so many receives a message goes to the dead-letter queue: the lowest maxReceiveCount of
    the queues that feed the function (SQS developer guide, dead-letter queues)."""
    unshared: frozenset[str] = frozenset()
    """Functions with reserved concurrency, which don't draw on the account's shared pool (Lambda
    developer guide, reserved concurrency)."""
    tags: dict[str, Raw] = field(default_factory=dict)
    """Tags as `packed`: the JSON object of each function's, read when somebody asks for it. As
    objects, those of 10,000 functions would take three times the memory, in every worker."""

    @cached_property
    def document(self) -> bytes:
        """The facts as canonical JSON, empty if there are none: equal facts give equal bytes."""
        return _encode(self) if self else b""

    @cached_property
    def version(self) -> str:
        """A name for exactly these facts, made from their content; empty if there are none."""
        return version_of(self.document) if self else ""

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.max_attempts or self.unshared or self.tags)

    def tags_of(self, function: str) -> Mapping[str, str]:
        """Return the tags of one function, none if none are known."""
        text = self.tags.get(function)
        return {} if text is None else _decode_tags(text)

    def wishing(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the functions that may carry wishes, with all of their tags."""
        for function, text in self.tags.items():
            if _WISH in bytes(text):
                yield function, _decode_tags(text)


def packed(tags: Tags) -> dict[str, Raw]:
    """Return what is `kept` of `tags` as facts have it: equal tags are equal bytes."""
    return {function: Raw(_encode(each)) for function, each in kept(tags).items()}


def kept(tags: Tags) -> dict[str, dict[str, str]]:
    """Return what a policy may ask for: the users' own tags, the stack and the wishes.

    What AWS and the governor write for their own bookkeeping under `aws:` and `governor:` changes
    without any lease depending on it.
    """
    counting = (
        (function, {key: each[key] for key in each if _may_count(key)})
        for function, each in tags.items()
    )
    return {function: each for function, each in counting if each}


def _may_count(key: str) -> bool:
    return key in _OF_THEIRS or not key.startswith(_THEIRS)


def recorded(document: bytes) -> Facts:
    """Read facts that were recorded, none from an empty document.

    Their version is the stored document's, however another release writes the same facts.
    """
    if not document:
        return Facts()
    facts = msgspec.json.decode(document, type=Facts)
    vars(facts)["document"] = document
    return facts
