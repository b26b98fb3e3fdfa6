"""Originals as tags: how a mapping or a function was before the controller's first change of it.

A mapping's tag reads `enabled=true max_concurrency=none max_pollers=none batch_size=10 window_s=0`,
a function's `reserved=none`: both for people to read, and of the characters that AWS takes in tags.

The tagging service finds them in few calls: "GetResources […] support all resource types" (Resource
Groups Tagging API reference, "Services that support the Resource Groups Tagging API"). No document
of AWS's names event-source mappings among them, and what it answers from is an index that is some
time behind. So it may add to what is known and take back what it had shown, but that it does not
show a mapping says nothing. Only the mapping itself can say that it has no tag (`lambda:ListTags`).
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import msgspec

from governor.aws.calls import nothing
from governor.aws.errors import GoneError
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.observed import Knobs

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import ListTagsResponseTypeDef
    from types_boto3_resourcegroupstaggingapi.type_defs import GetResourcesOutputTypeDef

KEY: Final = "governor:original"

_PAGE: Final = 100  # API reference, GetResources
_KINDS: Final = ("lambda:event-source-mapping", "lambda:function")
_MAPPING: Final = ":event-source-mapping:"

_LAG_S: Final = 600.0
"""For so long the controller's own changes count for more than the tagging service's index."""


class UnreadableTagError(ValueError):
    """A tag of ours says what we would not: someone edited it."""


def of_knobs(knobs: Knobs) -> str:
    """Return what the tag of a mapping with these knobs says."""
    return " ".join(f"{name}={_word(value)}" for name, value in asdict(knobs).items())


def of_reserved(reserved: int | None) -> str:
    """Return what the tag of a function with this reserved concurrency says."""
    return f"reserved={_word(reserved)}"


def _word(value: bool | int | None) -> str:  # noqa: FBT001 - a knob's value is no flag of ours
    return "none" if value is None else str(value).lower()


def knobs(tag: str) -> Knobs:
    """Read a mapping's tag. Raises `UnreadableTagError`."""
    fields = _fields(tag, {"enabled", "max_concurrency", "max_pollers", "batch_size", "window_s"})
    try:
        return msgspec.convert(fields, Knobs, strict=False)
    except msgspec.ValidationError as error:
        raise UnreadableTagError(f"the tag {KEY} says {tag!r}: {error}") from error


def reserved(tag: str) -> int | None:
    """Read a function's tag. Raises `UnreadableTagError`."""
    fields = _fields(tag, {"reserved"})
    try:
        return msgspec.convert(fields["reserved"], int | None, strict=False)
    except msgspec.ValidationError as error:
        raise UnreadableTagError(f"the tag {KEY} says {tag!r}: {error}") from error


def _fields(tag: str, names: set[str]) -> dict[str, str | None]:
    words = [word.partition("=") for word in tag.split()]
    fields = {name: None if value == "none" else value for name, _, value in words}
    if fields.keys() != names:
        raise UnreadableTagError(f"the tag {KEY} says {tag!r}; remove it or put it right")
    return fields


class Tags:
    """The tags of all mappings and functions that carry an original, by ARN.

    They are found by the tagging service's index. The resource itself is asked before its first
    change, and where there may be an original that the index does not show.
    """

    def __init__(self, clients: Clients, calls: Calls) -> None:
        """Know of none yet."""
        self._clients = clients
        self._calls = calls
        self._known: dict[str, str] = {}
        self._own: dict[str, tuple[float, str | None]] = {}
        self._indexed: set[str] = set()
        self._untagged: set[str] = set()

    @property
    def known(self) -> Mapping[str, str]:
        """The tags as last read, and as changed since."""
        return self._known

    def read(self) -> int:
        """Read all of them; return how many. Raises `CallError`, then what was known is kept."""
        found: dict[str, str] = {}
        token = ""
        while True:
            page, token = self._page(token)
            found |= page
            if not token:
                break
        now = time.monotonic()
        self._own = {arn: own for arn, own in self._own.items() if now - own[0] < _LAG_S}
        unindexed = {arn: tag for arn, tag in self._known.items() if arn not in self._indexed}
        self._indexed = set(found)
        self._known = unindexed | found
        for arn, (_, tag_now) in self._own.items():
            _put(self._known, arn, tag_now)
        return len(found)

    def _page(self, token: str) -> tuple[dict[str, str], str]:
        return self._calls.read(
            "tag:GetResources",
            lambda: self._clients.tags.get_resources(
                TagFilters=[{"Key": KEY}],
                ResourceTypeFilters=list(_KINDS),
                ResourcesPerPage=_PAGE,
                PaginationToken=token,
            ),
            _of_resources,
        )

    def keep_only(self, mappings: Collection[str]) -> None:
        """Forget all mappings but these, by ARN."""
        self._untagged &= set(mappings)
        for arn in [arn for arn in self._known if _MAPPING in arn and arn not in mappings]:
            del self._known[arn]

    def unasked(self, arns: Sequence[str]) -> list[str]:
        """Those of `arns` that may have a tag of which nothing is known."""
        return [arn for arn in arns if arn not in self._known and arn not in self._untagged]

    def ask(self, arns: Sequence[str]) -> int:
        """Ask each of `arns` itself. Returns how many calls that took.

        Raises `CallError`; what was heard until then is known.
        """
        for arn in arns:
            try:
                tag = self._calls.read(
                    "lambda:ListTags",
                    lambda arn=arn: self._clients.functions.list_tags(Resource=arn),  # type: ignore[misc]
                    _of_one,
                )
            except GoneError:
                tag = None
            self._heard(arn, tag)
        return len(arns)

    def of(self, arn: str) -> str | None:
        """The tag of `arn`; asks AWS if none is known. Raises `CallError`."""
        if arn not in self._known:
            tag = self._calls.change(
                "lambda:ListTags", lambda: self._clients.functions.list_tags(Resource=arn), _of_one
            )
            self._heard(arn, tag)
        return self._known.get(arn)

    def write(self, arn: str, tag: str) -> None:
        """Tag `arn`. Raises `CallError`."""
        self._calls.change(
            "lambda:TagResource",
            lambda: self._clients.functions.tag_resource(Resource=arn, Tags={KEY: tag}),
            nothing,
        )
        self._remember(arn, tag)

    def remove(self, arn: str) -> None:
        """Remove the tag of `arn`, if it has one. Raises `CallError`."""
        self._calls.change(
            "lambda:UntagResource",
            lambda: self._clients.functions.untag_resource(Resource=arn, TagKeys=[KEY]),
            nothing,
        )
        self._remember(arn, None)

    def _heard(self, arn: str, tag: str | None) -> None:
        """Know what the resource says of itself."""
        if tag is None:
            self._untagged.add(arn)
        else:
            self._known[arn] = tag

    def _remember(self, arn: str, tag: str | None) -> None:
        _put(self._known, arn, tag)
        self._own[arn] = time.monotonic(), tag


def _of_one(answer: "ListTagsResponseTypeDef") -> str | None:
    return answer.get("Tags", {}).get(KEY)


def _of_resources(answer: "GetResourcesOutputTypeDef") -> tuple[dict[str, str], str]:
    """The tags of a page by ARN, and where the next page begins."""
    found = {
        each["ResourceARN"]: tag["Value"]
        for each in answer["ResourceTagMappingList"]
        for tag in each["Tags"]
        if tag["Key"] == KEY
    }
    return found, answer.get("PaginationToken", "")


def _put(tags: dict[str, str], arn: str, tag: str | None) -> None:
    if tag is None:
        tags.pop(arn, None)
    else:
        tags[arn] = tag
