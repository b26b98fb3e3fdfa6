"""What AWS says of functions, and what comes of it."""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from governor.validation import FunctionName
from governor.wishes import Fate

MOST_TAGS: Final = 50
"""Tags that a resource may have (AWS General Reference, tag naming limits)."""

TagKey = Annotated[str, Meta(min_length=1, max_length=128)]
TagValue = Annotated[str, Meta(max_length=256)]
FunctionTags = Annotated[dict[TagKey, TagValue], Meta(max_length=MOST_TAGS)]


class TagsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The tags of all functions that have any. Of the others nothing is known from then on."""

    tags: dict[FunctionName, FunctionTags]


class TagsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How to treat tags."""

    dry_run: Annotated[
        bool, Meta(description="Answer with what would come of it, and change nothing.")
    ] = False


class WishAnswer(Struct, frozen=True):
    """What a function wants, as a tag, and what becomes of it."""

    function: str
    tag: Annotated[
        str, Meta(description="governor:priority, governor:max-concurrency or governor:groups.")
    ]
    value: Annotated[str, Meta(description="Of governor:groups one word.")]
    fate: Annotated[
        Fate,
        Meta(
            description="honoured; ignored: the policy does not trust tags; overruled: the policy "
            "says it of the function itself; senseless: see the reason."
        ),
    ]
    reason: str


class MoveAnswer(Struct, frozen=True):
    """A function whose groups are others than before, with its weight in each."""

    function: str
    before: dict[str, int]
    after: dict[str, int]


class TagsAnswer(Struct, frozen=True):
    """What comes of new tags."""

    applied: bool
    functions: Annotated[int, Meta(description="How many have tags that could count.")]
    moved: list[MoveAnswer]
    wishes: list[WishAnswer]


class FactsAnswer(Struct, frozen=True):
    """What AWS says of functions; the policy goes before it."""

    max_attempts: Annotated[
        dict[str, int],
        Meta(description="By function: the lowest maxReceiveCount of its queues."),
    ]
    unshared: Annotated[
        list[str], Meta(description="Functions with reserved concurrency of their own.")
    ]
    tags: Annotated[
        dict[str, Raw],
        Meta(
            description="By function: tags that could count, as an object.",
            extra_json_schema={"additionalProperties": {"type": "object"}},
        ),
    ]
    senseless_wishes: list[WishAnswer]
