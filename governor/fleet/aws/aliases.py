"""The aliases of functions. Those to published versions are reached by no change of a function.

A version is "a snapshot" of the function when it was published; only $LATEST can be configured
(developer guide, "Manage Lambda function versions").
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from governor.aws.calls import Calls
from governor.aws.errors import CallError, GoneError
from governor.fleet.aws.clients import THREADS, Clients
from governor.fleet.aws.pages import Page, whole

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_lambda.type_defs import ListAliasesResponseTypeDef

_LATEST: Final = "$LATEST"


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias, its version, and others to which it leads a part of the calls."""

    name: str
    version: str
    others: frozenset[str]

    @property
    def published(self) -> frozenset[str]:
        """The published versions to which it leads."""
        return (self.others | {self.version}) - {_LATEST}


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
            found = aliases_of(clients.functions, calls, name)
        except GoneError:
            return {}
        return {each.name: each.version for each in found if each.version != _LATEST}

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


def aliases_of(client: "LambdaClient", calls: Calls, name: str) -> list[Alias]:
    """Return all aliases of a function. Raises `CallError`."""

    def page(marker: str) -> Page[Alias]:
        return calls.make(
            "lambda:ListAliases",
            lambda: (
                client.list_aliases(FunctionName=name, Marker=marker)
                if marker
                else client.list_aliases(FunctionName=name)
            ),
            _of_aliases,
        )

    return whole(page)


def _of_aliases(answer: "ListAliasesResponseTypeDef") -> Page[Alias]:
    found = [
        Alias(
            each["Name"],
            each["FunctionVersion"],
            frozenset(each.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})),
        )
        for each in answer["Aliases"]
    ]
    return found, answer.get("NextMarker", "")
