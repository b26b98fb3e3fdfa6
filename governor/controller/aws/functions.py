"""What AWS says of functions: timeout, reserved and provisioned concurrency.

GetFunction is the one call that has both timeout and reserved concurrency, and it has a quota of
its own (100 per second), so reading functions takes nothing of what all tools share.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from governor.aws.errors import CallError, GoneError, LaterError, UnansweredError
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.aws.shelf import Shelf

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import GetFunctionResponseTypeDef

AT_ONCE: Final = 60
"""Functions that are read for the first time in one cycle, at most."""

_DUE_S: Final = 900.0
_VOID_S: Final = 6 * 3600.0
_REFUSED_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Details:
    """A function's settings that matter here."""

    arn: str
    timeout_s: int
    reserved: int | None
    provisioned: int


class Functions:
    """The functions as last read, or why one could not be."""

    def __init__(self, clients: Clients, calls: Calls, threads: Executor) -> None:
        """Read with `threads`, so many at a time."""
        self._clients = clients
        self._calls = calls
        self._threads = threads
        self._shelf: Shelf[str, Details] = Shelf(_DUE_S, _VOID_S)
        self._refused: Shelf[str, CallError] = Shelf(_REFUSED_S, _REFUSED_S)

    def refresh(
        self, names: Sequence[str], at_s: float, again: int, *, provisioned: bool
    ) -> Mapping[str, CallError]:
        """Read those of `names` that are unknown, in their order, and `again` of the oldest.

        `provisioned` says that some function of the account may have provisioned concurrency.
        Returns why which of them could not be read.
        """
        self._shelf.keep_only(names)
        self._refused.keep_only(names)
        failed: dict[str, CallError] = {}
        calls_each = 2 if provisioned else 1
        unread = self._refused.unread(self._shelf.unread(names, at_s), at_s)
        at_once = AT_ONCE // calls_each
        wanted = unread[:at_once]
        later = LaterError(f"not read yet: {at_once} are in one cycle")
        failed |= dict.fromkeys(unread[at_once:], later)
        wanted += self._shelf.due(names, at_s)[: again // calls_each]
        answers = self._threads.map(lambda name: self._read(name, provisioned=provisioned), wanted)
        for name, answer in zip(wanted, answers, strict=True):
            match answer:
                case Details():
                    self._shelf.put(name, answer, at_s)
                case LaterError() | UnansweredError():
                    failed[name] = answer  # what was known before still holds for a while
                case _:
                    self._shelf.expire(name)
                    self._refused.put(name, answer, at_s)
        refused = ((name, self._refused.get(name, at_s)) for name in names)
        return {name: error for name, error in refused if error is not None} | failed

    def get(self, names: Iterable[str], at_s: float) -> dict[str, Details]:
        """What is known of `names`."""
        known = ((name, self._shelf.get(name, at_s)) for name in names)
        return {name: fact for name, fact in known if fact is not None}

    def expire(self, name: str) -> None:
        """Read `name` again in the next cycle: it has just been changed."""
        self._shelf.expire(name)

    def arn_of(self, name: str) -> str:
        """Ask AWS for a function's ARN. Raises `CallError`."""
        return self._calls.change(
            "lambda:GetFunction",
            lambda: self._clients.functions.get_function(FunctionName=name),
            lambda answer: _details(answer).arn,
        )

    def _read(self, name: str, *, provisioned: bool) -> Details | CallError:
        try:
            details = self._calls.read(
                "lambda:GetFunction",
                lambda: self._clients.functions.get_function(FunctionName=name),
                _details,
            )
            return replace(details, provisioned=self._provisioned(name)) if provisioned else details
        except CallError as error:
            return error

    def _provisioned(self, name: str) -> int:
        """Provisioned concurrency of all versions; of more than 50 of them, the first 50's."""
        try:
            return self._calls.read(
                "lambda:ListProvisionedConcurrencyConfigs",
                lambda: self._clients.functions.list_provisioned_concurrency_configs(
                    FunctionName=name
                ),
                lambda answer: sum(
                    each.get("RequestedProvisionedConcurrentExecutions", 0)
                    for each in answer["ProvisionedConcurrencyConfigs"]
                ),
            )
        except GoneError:
            return 0


def _details(answer: "GetFunctionResponseTypeDef") -> Details:
    configuration = answer["Configuration"]
    reserved = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    return Details(configuration["FunctionArn"], configuration["Timeout"], reserved, provisioned=0)
