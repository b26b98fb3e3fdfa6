"""What AWS says of a function only when asked for that one.

Its resource policy and function URLs (also of its aliases: who calls `orders:live` is permitted
there and nowhere else), reserved concurrency, and where there may be any, provisioned concurrency
and the destination of failed events.

Reserved concurrency is asked of every function: the account's limits tell whether any is reserved,
but not whether one is switched off by a reservation of 0. GetFunction has a quota of its own.
"""

import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from governor.aws.calls import Calls
from governor.aws.errors import CallError, GoneError
from governor.controller.aws.tags import KEY as ORIGINAL
from governor.errors import few
from governor.fleet.aws.aliases import Alias, aliases_of
from governor.fleet.aws.clients import THREADS, Clients
from governor.fleet.aws.listing import function as configured
from governor.fleet.aws.pages import Page, whole
from governor.fleet.details import Details
from governor.fleet.function import Function
from governor.fleet.sources import URL, Kind, Source, of_policy

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import (
        GetFunctionResponseTypeDef,
        ListFunctionEventInvokeConfigsResponseTypeDef,
        ListFunctionUrlConfigsResponseTypeDef,
        ListProvisionedConcurrencyConfigsResponseTypeDef,
    )

IN_A_ROW: Final = 5
"""A call that has failed so often in a row is not made for the functions that are left."""

T = TypeVar("T")


def is_braked(function: Function) -> bool:
    """Whether a controller has put its brake on a function: it says so in a tag."""
    return ORIGINAL in (function.tags or {})


class Reader:
    """Reads functions one by one, several at a time."""

    def __init__(self, clients: Clients, calls: Calls, *, provisioned: bool) -> None:
        """`provisioned`: whether any function of the account may have provisioned concurrency."""
        self._client = clients.functions
        self._calls = calls
        self._may_be_provisioned = provisioned
        self._lock = threading.Lock()
        self._in_a_row: Counter[str] = Counter()
        self._failed: dict[str, tuple[CallError, list[str]]] = {}

    @property
    def missing(self) -> list[str]:
        """What could not be read: a sentence for each call that failed."""
        return [
            f"function {few(sorted(set(names)))}: {error}"
            for _, (error, names) in sorted(self._failed.items())
        ]

    def read(self, functions: Sequence[Function]) -> Generator[tuple[Function, Details]]:
        """Yield functions with their details, as they come; close it to make no more calls."""
        with ThreadPoolExecutor(THREADS, "details") as threads:
            asked = {threads.submit(self._read, each): each for each in functions}
            try:
                for done in as_completed(asked):
                    yield asked[done], done.result()
            finally:
                threads.shutdown(cancel_futures=True)

    def _read(self, function: Function) -> Details:
        name, unread = function.name, list[str]()

        def ask(action: str, call: Callable[[], T], nothing: T) -> T:
            try:
                return self._ask(action, name, call, nothing)
            except CallError:
                unread.append(action)
                return nothing

        none, nobody = list[Alias](), tuple[Source, ...]()
        listed = partial(aliases_of, self._client, self._calls, name)
        aliases = ask("lambda:ListAliases", listed, none)
        callers = {
            each
            for alias in ("", *(alias.name for alias in aliases))
            for each in ask("lambda:GetPolicy", partial(self._policy, name, alias), nobody)
        }
        if ask("lambda:ListFunctionUrlConfigs", partial(self._has_url, name), nothing=False):
            callers.add(URL)
        provisioned, on_failure = 0, ""
        reserved = ask("lambda:GetFunction", partial(self._reserved, name), None)
        if self._may_be_provisioned or reserved:
            provisioned = ask(
                "lambda:ListProvisionedConcurrencyConfigs", partial(self._provisioned, name), 0
            )
        if any(each.kind is Kind.ASYNC for each in callers):
            on_failure = ask(
                "lambda:ListFunctionEventInvokeConfigs", partial(self._on_failure, name), ""
            )
        old_aliases: tuple[str, ...] = ()
        if function.is_attached:
            old_aliases = ask("lambda:GetFunction", partial(self._old, name, aliases), ())
        braked = is_braked(function)
        return Details(
            reserved=None if braked else reserved,
            braked=reserved or 0 if braked else 0,
            provisioned=provisioned,
            callers=tuple(sorted(callers)),
            old_aliases=old_aliases,
            on_failure=on_failure,
            unread=tuple(dict.fromkeys(unread)),
        )

    def _ask(self, action: str, name: str, call: Callable[[], T], nothing: T) -> T:
        with self._lock:
            if self._in_a_row[action] >= IN_A_ROW:
                error, names = self._failed[action]
                names.append(name)
                raise error
        try:
            answer = call()
        except GoneError:
            answer = nothing
        except CallError as error:
            with self._lock:
                self._in_a_row[action] += 1
                self._failed.setdefault(action, (error, []))[1].append(name)
            raise
        with self._lock:
            self._in_a_row[action] = 0
        return answer

    def _policy(self, name: str, alias: str) -> tuple[Source, ...]:
        ask = self._client.get_policy
        return self._calls.make(
            "lambda:GetPolicy",
            lambda: ask(FunctionName=name, Qualifier=alias) if alias else ask(FunctionName=name),
            lambda answer: of_policy(answer["Policy"]),
        )

    def _has_url(self, name: str) -> bool:
        return self._calls.make(
            "lambda:ListFunctionUrlConfigs",
            lambda: self._client.list_function_url_configs(FunctionName=name),
            _of_urls,
        )

    def _reserved(self, name: str) -> int | None:
        return self._calls.make(
            "lambda:GetFunction", lambda: self._client.get_function(FunctionName=name), _reserved
        )

    def _old(self, name: str, aliases: Sequence[Alias]) -> tuple[str, ...]:
        """The aliases that lead to a version which does not ask the governor."""
        asking = {
            version: self._calls.make(
                "lambda:GetFunction",
                lambda version=version: self._client.get_function(  # type: ignore[misc]
                    FunctionName=name, Qualifier=version
                ),
                lambda answer: configured(answer["Configuration"]).is_attached,
            )
            for version in {each for alias in aliases for each in alias.published}
        }
        return tuple(
            alias.name for alias in aliases if not all(asking[each] for each in alias.published)
        )

    def _provisioned(self, name: str) -> int:
        ask = self._client.list_provisioned_concurrency_configs

        def page(marker: str) -> Page[int]:
            return self._calls.make(
                "lambda:ListProvisionedConcurrencyConfigs",
                lambda: ask(FunctionName=name, Marker=marker) if marker else ask(FunctionName=name),
                _of_provisioned,
            )

        return sum(whole(page))

    def _on_failure(self, name: str) -> str:
        return self._calls.make(
            "lambda:ListFunctionEventInvokeConfigs",
            lambda: self._client.list_function_event_invoke_configs(FunctionName=name),
            _of_invoke_configs,
        )


def _of_urls(answer: "ListFunctionUrlConfigsResponseTypeDef") -> bool:
    return bool(answer["FunctionUrlConfigs"])


def _reserved(answer: "GetFunctionResponseTypeDef") -> int | None:
    return answer.get("Concurrency", {}).get("ReservedConcurrentExecutions")


def _of_provisioned(answer: "ListProvisionedConcurrencyConfigsResponseTypeDef") -> Page[int]:
    found = [
        each.get("RequestedProvisionedConcurrentExecutions", 0)
        for each in answer["ProvisionedConcurrencyConfigs"]
    ]
    return found, answer.get("NextMarker", "")


def _of_invoke_configs(answer: "ListFunctionEventInvokeConfigsResponseTypeDef") -> str:
    """The first destination of the function, its aliases and versions."""
    destinations = (
        each.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        for each in answer["FunctionEventInvokeConfigs"]
    )
    return next((each for each in destinations if each), "")
