"""The functions of an account with their tags, by the Resource Groups Tagging API.

It "returns all the tagged or previously tagged resources" of the Region (API reference,
GetResources), a hundred per page, from an index that is some time behind. So a function that was
never tagged is not in there, and one that was deleted, or lost its last tag, may stay for a while.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from msgspec import convert

from governor.aws.errors import CallError, LaterError

if TYPE_CHECKING:
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from types_boto3_resourcegroupstaggingapi.type_defs import GetResourcesOutputTypeDef

ACTION: Final = "tag:GetResources"
PAGE: Final = 100
"""Resources in a page, at most (API reference, GetResources)."""

_FUNCTION: Final = "lambda:function"
_MARK: Final = ":function:"

_Page = tuple[dict[str, dict[str, str]], str]

A = TypeVar("A")
T = TypeVar("T")


class Ask(Protocol):
    """Calls AWS by IAM's name of the action; gives the meaning of the answer.

    Raises `CallError`.
    """

    def __call__(self, action: str, call: Callable[[], A], meaning: Callable[[A], T], /) -> T:
        """Call."""


class TagReader:
    """Reads the tags of all functions, in as many goes as the caller has time for."""

    def __init__(self, client: "ResourceGroupsTaggingAPIClient", ask: Ask) -> None:
        """Call nothing yet."""
        self._client = client
        self._ask = ask
        self._found: dict[str, dict[str, str]] = {}
        self._token = ""

    def read(self, pages: int) -> dict[str, dict[str, str]] | None:
        """Read up to `pages` more; with the last one return all tags by function, before it None.

        Raises `CallError`. What is only put off goes on at the same page with the next call; after
        any other failure the reading begins anew, since it may be for its place that it failed (a
        token lasts 15 minutes).
        """
        for _ in range(pages):
            try:
                found, self._token = self._ask(ACTION, self._page, _functions)
            except LaterError:
                raise
            except CallError:
                self._found, self._token = {}, ""
                raise
            self._found |= found
            if not self._token:
                whole, self._found = self._found, {}
                return whole
        return None

    def _page(self) -> "GetResourcesOutputTypeDef":
        return self._client.get_resources(
            ResourceTypeFilters=[_FUNCTION], ResourcesPerPage=PAGE, PaginationToken=self._token
        )


def _functions(answer: "GetResourcesOutputTypeDef") -> _Page:
    """The functions of a page with their tags, and where the next page begins."""
    found = {
        each["ResourceARN"].partition(_MARK)[2]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in answer["ResourceTagMappingList"]
    }
    page: _Page = convert((found, answer.get("PaginationToken", "")), _Page)
    return page
