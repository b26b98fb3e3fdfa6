"""The aliases of functions that lead to published versions, which no change of a function reaches.

A version is "a snapshot" of the function when it was published; only $LATEST can be configured
(developer guide, "Manage Lambda function versions").
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from governor.aws.calls import Calls
from governor.aws.errors import CallError, GoneError
from governor.fleet.aws.clients import THREADS, Clients
from governor.fleet.aws.pages import Page, whole

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import ListAliasesResponseTypeDef

_LATEST: Final = "$LATEST"

Aliases = Mapping[str, str]
"""The versions that aliases lead to, by alias."""


def aliases(
    clients: Clients, calls: Calls, names: Sequence[str], seen: Callable[[int], None]
) -> tuple[Mapping[str, Aliases], tuple[str, ...]]:
    """Return such aliases by function, of those of `names` that have any; and what is missing.

    After a call that fails no more are made. `seen` is told how many functions have been asked for.
    """

    def read(name: str) -> Aliases:
        try:
            return dict(whole(lambda marker: _aliases(clients, calls, name, marker)))
        except GoneError:
            return {}

    found: dict[str, Aliases] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(read, names)
        try:
            for count, (name, own) in enumerate(zip(names, answers, strict=True), 1):
                seen(count)
                if own:
                    found[name] = own
        except CallError as error:
            threads.shutdown(wait=False, cancel_futures=True)
            return found, (f"aliases: {error}",)
    return found, ()


def _aliases(clients: Clients, calls: Calls, name: str, marker: str) -> Page[tuple[str, str]]:
    ask = clients.functions.list_aliases
    return calls.make(
        "lambda:ListAliases",
        lambda: ask(FunctionName=name, Marker=marker) if marker else ask(FunctionName=name),
        _of_aliases,
    )


def _of_aliases(answer: "ListAliasesResponseTypeDef") -> Page[tuple[str, str]]:
    found = [
        (each["Name"], each["FunctionVersion"])
        for each in answer["Aliases"]
        if each["FunctionVersion"] != _LATEST
    ]
    return found, answer.get("NextMarker", "")
