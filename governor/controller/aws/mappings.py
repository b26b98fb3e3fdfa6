"""Event-source mappings as AWS words them, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from governor.aws.errors import LaterError
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.observed import EventSourceMapping, Knobs

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import (
        EventSourceMappingConfigurationResponseTypeDef,
        EventSourceMappingConfigurationTypeDef,
        ListEventSourceMappingsRequestTypeDef,
        ListEventSourceMappingsResponseTypeDef,
        UpdateEventSourceMappingRequestTypeDef,
    )

PAGE: Final = 100
"""Mappings per call, at most (API reference, ListEventSourceMappings)."""

AT_ONCE: Final = 25
"""Pages per cycle, at most: those of 2,500 mappings, eight seconds of the share of calls."""

_PAGES_PER_S: Final = 2.5
"""How many pages a second are worth reading, within the controller's share of the calls."""

_OFF: Final = frozenset({"Disabled", "Disabling"})
_SETTLED: Final = frozenset({"Enabled", "Disabled"})


@dataclass(slots=True)
class _Listing:
    """A list that goes on: what was found so far, and where the next page begins."""

    found: "dict[str, EventSourceMappingConfigurationTypeDef]" = field(default_factory=dict)
    pages: int = 0
    marker: str | None = None


class Mappings:
    """Every mapping of an SQS queue, by ARN, in AWS's words."""

    def __init__(self, clients: Clients, calls: Calls) -> None:
        """Know of none yet."""
        self._clients = clients
        self._calls = calls
        self._pages = 0
        self._listed_at_s: float | None = None
        self._listing = _Listing()
        self.known: dict[str, EventSourceMappingConfigurationTypeDef] = {}

    @property
    def pages(self) -> int:
        """How many calls the list takes."""
        return self._pages

    def refresh(self, at_s: float) -> int:
        """List them, unless that was done a moment ago. Raises `CallError`.

        Returns how many calls that took. A list of more than `AT_ONCE` pages goes on in the next
        cycle; until it is complete the last one holds, if there is one.

        A cycle that is pressed for time comes after two seconds: listing thousands anew would take
        longer than that and eat the budget, so the more pages, the longer the list holds, with our
        own changes in it. All or nothing: of a part one could not tell how much the others take.
        """
        listed_at_s = self._listed_at_s
        if listed_at_s is not None and 0 <= at_s - listed_at_s < self._pages / _PAGES_PER_S:
            return 0
        listing, self._listing, self._listed_at_s = self._listing, _Listing(), None
        for count in range(1, AT_ONCE + 1):
            page, listing.marker = self._page(listing.marker)
            listing.pages += 1
            listing.found |= page
            if not listing.marker:
                self.known, self._pages, self._listed_at_s = listing.found, listing.pages, at_s
                return count
        self._listing, self._listed_at_s = listing, listed_at_s
        if listed_at_s is None:
            so_far = listing.pages * PAGE
            raise LaterError(f"{so_far:,} are listed; the list goes on in the next cycle")
        return AT_ONCE

    def held(self) -> list[str]:
        """The ARNs of those that are paused, or that AWS limits: as the controller leaves them."""
        return [arn for arn, each in self.known.items() if _is_held(knobs(each))]

    def changed(self, answer: "EventSourceMappingConfigurationResponseTypeDef") -> None:
        """Know what AWS answered to a change. Raises `LookupError` and such if it is nonsense."""
        mapping = cast("EventSourceMappingConfigurationTypeDef", answer)  # and a bit more
        arn = value(mapping, {}).arn
        self.known[arn] = mapping
        if arn in self._listing.found:
            self._listing.found[arn] = mapping

    def _page(
        self, marker: str | None
    ) -> "tuple[dict[str, EventSourceMappingConfigurationTypeDef], str | None]":
        request: ListEventSourceMappingsRequestTypeDef = {"MaxItems": PAGE}
        if marker is not None:
            request["Marker"] = marker
        return self._calls.read(
            "lambda:ListEventSourceMappings",
            lambda: self._clients.functions.list_event_source_mappings(**request),
            _of_queues,
        )


def _of_queues(
    page: "ListEventSourceMappingsResponseTypeDef",
) -> "tuple[dict[str, EventSourceMappingConfigurationTypeDef], str | None]":
    """The mappings of a page that queues feed, and where the next page begins."""
    found = {}
    for each in page["EventSourceMappings"]:
        if _is_queue(each.get("EventSourceArn", "")) and each.get("State") != "Deleting":
            found[value(each, {}).arn] = each  # what can't be read is found out here
    return found, page.get("NextMarker")


def _is_held(knobs: Knobs) -> bool:
    limits = knobs.max_concurrency, knobs.max_pollers
    return not knobs.enabled or limits != (None, None)


def _is_queue(arn: str) -> bool:
    return arn.split(":")[2:3] == ["sqs"]


def value(
    of: "EventSourceMappingConfigurationTypeDef", originals: Mapping[str, Knobs]
) -> EventSourceMapping:
    """What AWS says of a mapping, with its original if it has one."""
    pollers = of.get("ProvisionedPollerConfig") or {}
    arn = of["EventSourceMappingArn"]
    return EventSourceMapping(
        uuid=of["UUID"],
        arn=arn,
        function=function_of(of["FunctionArn"]),
        queue=of["EventSourceArn"],
        knobs=knobs(of),
        settled=of.get("State") in _SETTLED,
        min_pollers=pollers.get("MinimumPollers"),
        original=originals.get(arn),
    )


def knobs(of: "EventSourceMappingConfigurationTypeDef") -> Knobs:
    """How a mapping's knobs stand. While AWS changes it, they stand as they will."""
    return Knobs(
        enabled=of.get("State") not in _OFF,
        max_concurrency=(of.get("ScalingConfig") or {}).get("MaximumConcurrency"),
        max_pollers=(of.get("ProvisionedPollerConfig") or {}).get("MaximumPollers"),
        batch_size=of.get("BatchSize", 10),
        window_s=of.get("MaximumBatchingWindowInSeconds", 0),
    )


def function_of(arn: str) -> str:
    """Return the name of the function in its ARN, which may have a version or an alias."""
    return arn.split(":")[6]


def update(
    uuid: str, before: Knobs, after: Knobs, min_pollers: int | None
) -> "UpdateEventSourceMappingRequestTypeDef":
    """What UpdateEventSourceMapping is told: nothing but what changes.

    `ScalingConfig: {}` removes the maximum (developer guide, "Configuring maximum concurrency for
    Amazon SQS event sources"). The smallest number of pollers is told along so that it stays as it
    is. A batch of more than ten messages needs a window, so these two go together.
    """
    request: UpdateEventSourceMappingRequestTypeDef = {"UUID": uuid}
    if after.enabled != before.enabled:
        request["Enabled"] = after.enabled
    if after.max_concurrency != before.max_concurrency:
        maximum = after.max_concurrency
        request["ScalingConfig"] = {} if maximum is None else {"MaximumConcurrency": maximum}
    if after.max_pollers != before.max_pollers and after.max_pollers is not None:
        request["ProvisionedPollerConfig"] = {"MaximumPollers": after.max_pollers}
        if min_pollers is not None:
            request["ProvisionedPollerConfig"]["MinimumPollers"] = min_pollers
    if (after.batch_size, after.window_s) != (before.batch_size, before.window_s):
        request["BatchSize"] = after.batch_size
        request["MaximumBatchingWindowInSeconds"] = after.window_s
    return request
