"""Discover an account: list it, read what lists do not say, and its peaks."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from governor.aws.calls import Calls
from governor.aws.errors import CallError
from governor.controller.aws import limits
from governor.controller.aws.limits import Limits
from governor.controller.observed import AccountFacts
from governor.fleet.aws import peaks
from governor.fleet.aws.cache import Cache, CacheError, path_for
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.details import Reader, is_braked
from governor.fleet.aws.listing import listed
from governor.fleet.details import Details
from governor.fleet.discovery import Discovery, Peaks, Row, rows
from governor.fleet.function import Function
from governor.fleet.selection import Selection
from governor.model import Priority

Watch = Callable[[str, int, int | None], None]
"""Is told what goes on, how many functions that is done for, and for how many; None: not known."""


def discover(
    clients: Clients,
    calls: Calls,
    selection: Selection = Selection(),  # noqa: B008 - a value
    *,
    refresh: bool = False,
    watch: Watch = lambda *_: None,
) -> Discovery:
    """Discover the functions of an account that are selected; `refresh`: ask anew, cached or not.

    Raises:
        CallError: the functions can't be listed.
        InvalidInputError: something that was named selects nothing.

    """
    fleet = listed(clients, calls, lambda count: watch("listing", count, None))
    functions = selection.of(fleet)
    reading = _Reading(clients, calls, watch, list(fleet.missing))
    known = reading.limits()
    names = {each.name for each in functions}
    details = reading.details(fleet.account, functions, known, refresh=refresh)
    found = rows(functions, fleet.mappings, details)
    read = reading.peaks(found)
    return Discovery(
        account=fleet.account,
        region=fleet.region,
        rows=tuple(replace(row, peak=read.by_function.get(row.function.name)) for row in found),
        functions=len(fleet.functions),
        limits=_facts(known, found),
        peaks=read,
        calls=_by_action(calls),
        remembered=reading.remembered,
        remembered_s=reading.remembered_s,
        missing=tuple(reading.missing),
        mappings=tuple(each for each in fleet.mappings if each.function in names),
    )


class _Reading:
    """Reads by and by; `missing` is told what could not be read."""

    def __init__(self, clients: Clients, calls: Calls, watch: Watch, missing: list[str]) -> None:
        self.missing = missing
        self.remembered = 0
        self.remembered_s = 0.0
        self._clients = clients
        self._calls = calls
        self._watch = watch
        self._now_s = time.time()

    def limits(self) -> Limits | None:
        try:
            return self._calls.make(
                "lambda:GetAccountSettings",
                self._clients.functions.get_account_settings,
                limits.of_settings,
            )
        except CallError as error:
            self.missing.append(f"the account's limits: {error}")
            return None

    def details(
        self, account: str, functions: Sequence[Function], known: Limits | None, *, refresh: bool
    ) -> dict[str, Details]:
        """The details of all, from the cache where it has them."""
        if not functions:
            return {}
        cache = Cache(path_for(account, self._clients.region))
        lasting = () if refresh else [each for each in functions if not is_braked(each)]
        entries = cache.get(lasting, self._now_s)
        self.remembered = len(entries)
        oldest_s = min((each.read_at_s for each in entries.values()), default=self._now_s)
        self.remembered_s = self._now_s - oldest_s
        details = {name: entry.details for name, entry in entries.items()}
        asked = [each for each in functions if each.name not in details]
        if asked:
            reader = Reader(
                self._clients, self._calls, provisioned=self._may_have_provisioned(known)
            )
            try:
                with closing(reader.read(asked)) as reading:
                    for function, read in reading:
                        details[function.name] = read
                        cache.put(function, read, self._now_s)
                        self._watch("reading", len(details), len(functions))
            finally:  # what was read until someone lost patience need not be read again
                self.missing += reader.missing
                self._save(cache)
        return details

    def _may_have_provisioned(self, known: Limits | None) -> bool:
        """Whether any function may have provisioned concurrency, by what the account says."""
        try:
            return known is None or peaks.may_have_provisioned(
                self._clients, self._calls, known.limit - known.unreserved, self._now_s
            )
        except CallError:  # then the peaks can't be read either, and that is told
            return True

    def _save(self, cache: Cache) -> None:
        try:
            cache.save(self._now_s)
        except CacheError as error:
            self.missing.append(f"{error}")

    def peaks(self, found: Sequence[Row]) -> Peaks:
        """The peaks of all, and of those together that users wait for in the shared pool."""
        wanted = {
            row.function.name: row.priority is Priority.USER_FACING and row.details.reserved is None
            for row in found
        }
        read = peaks.read(
            self._clients,
            self._calls,
            wanted,
            self._now_s,
            lambda count: self._watch("measuring", count, len(wanted)),
        )
        self.missing += read.missing
        return read.peaks


def _facts(known: Limits | None, found: Sequence[Row]) -> AccountFacts | None:
    """The account's limits: the shared pool net of what is provisioned, and with its brakes."""
    if known is None:
        return None
    braked = sum(row.details.braked for row in found)
    provisioned = sum(row.details.provisioned for row in found if row.details.reserved is None)
    return AccountFacts(known.limit, max(0, known.unreserved + braked - provisioned))


def _by_action(calls: Calls) -> Mapping[str, int]:
    """How many calls of each kind there were, whatever became of them."""
    made: Counter[str] = Counter()
    for (action, _), count in calls.made.items():
        made[action] += count
    return dict(made.most_common())
