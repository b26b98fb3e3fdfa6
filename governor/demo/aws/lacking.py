"""What AWS does and moto does not, for the stand-in. Each part names the document it imitates.

- GetAccountSettings: API reference; `UnreservedConcurrentExecutions` is the limit less what
  PutFunctionConcurrency has reserved, of which the last 100 can't be (PutFunctionConcurrency).
- GetFunction: API reference; it also tells of a reserved concurrency of 0, which moto leaves out.
- ListEventSourceMappings: 100 per page whatever MaxItems says (API reference). No tags in it.
- ListFunctions: 50 per page whatever MaxItems says, and neither State nor LastUpdateStatus (API
  reference).
- UpdateEventSourceMapping: State is Updating, Enabling or Disabling for about a minute; a second
  update is answered with ResourceInUseException (botocore's model: "you tried to update an event
  source mapping in the CREATING state …"; the minute is inferred from acceptance tests of others).
  Provisioned mode excludes a maximum concurrency; more than ten messages in a batch need a window
  (developer guide, "Creating and configuring an Amazon SQS event source mapping").
- ListFunctionUrlConfigs, ListProvisionedConcurrencyConfigs: API reference.
- GetResources for Lambda's resources: Resource Groups Tagging API reference, 100 per page; also
  those that were tagged and are no more.
- Service Quotas' requests: API reference; one open request per quota.
"""

import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

PAGE: Final = 100
FUNCTIONS_PAGE: Final = 50
UNLISTED: Final = frozenset({"State", "LastUpdateStatus"})
LONE_BATCH: Final = 10
OPEN: Final = frozenset({"PENDING", "CASE_OPENED"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of AWS's, with a JSON body, or one of bytes that is what it is."""

    status: int
    body: Any
    error: str | None = None

    @property
    def content(self) -> bytes:
        """The body, with the error's name where AWS's JSON protocol has it."""
        if isinstance(self.body, bytes):
            return self.body
        if self.error is not None:
            return json.dumps({"__type": self.error, **self.body}).encode()
        return b"" if self.body is None else json.dumps(self.body).encode()


def refusal(status: int, error: str, message: str) -> Answer:
    """What AWS answers when it does not do something."""
    return Answer(status, {"message": message, "Message": message, "Type": "User"}, error)


def throttled() -> Answer:
    """429, as the control plane says it."""
    return refusal(429, "TooManyRequestsException", "Rate exceeded")


def denied(action: str) -> Answer:
    """What a role without a permission hears."""
    message = f"User: arn:aws:sts::123456789012:role/x is not authorized to perform: {action}"
    return refusal(403, "AccessDeniedException", message)


@dataclass
class Lacking:
    """The state that moto has not."""

    settle_s: float = 0.0
    unindexed: bool = False
    """Whether the tagging service has not heard of any event-source mapping (yet)."""
    vpc: str = "vpc-123abc"
    """The VPC of all functions that are in one: moto has them in this one, which does not exist."""
    limit: int = 1000
    floor: int = 100
    reserved: dict[str, int] = field(default_factory=dict)
    provisioned: dict[str, int] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    _updating: dict[str, tuple[float, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def account_settings(self) -> Answer:
        """GetAccountSettings."""
        left = self.limit - sum(self.reserved.values())
        limits = {"ConcurrentExecutions": self.limit, "UnreservedConcurrentExecutions": left}
        return Answer(200, {"AccountLimit": limits, "AccountUsage": {"FunctionCount": 0}})

    def page(self, listed: list[dict[str, Any]], marker: str | None, size: int) -> Answer:
        """One page of ListEventSourceMappings."""
        shown, after = _part(listed, marker, min(size, PAGE))
        return Answer(200, {"EventSourceMappings": [self.shown(each) for each in shown], **after})

    def functions_page(self, listed: list[dict[str, Any]], marker: str | None, size: int) -> Answer:
        """One page of ListFunctions."""
        shown, after = _part(listed, marker, min(size, FUNCTIONS_PAGE))
        functions = [
            {name: value for name, value in each.items() if name not in UNLISTED} for each in shown
        ]
        for each in functions:
            if each.get("VpcConfig"):
                each["VpcConfig"]["VpcId"] = self.vpc
        return Answer(200, {"Functions": functions, **after})

    def shown(self, mapping: dict[str, Any]) -> dict[str, Any]:
        """A mapping as AWS has it, not as moto does."""
        until, state = self._updating.get(mapping["UUID"], (0.0, ""))
        shown = {name: value for name, value in mapping.items() if name != "Tags"}
        if time.monotonic() < until:
            shown["State"] = state
        return shown

    def update_refused(
        self, uuid: str, known: dict[str, Any], change: dict[str, Any]
    ) -> Answer | None:
        """Why UpdateEventSourceMapping can't be, else None and the mapping begins to change."""
        after = known | change
        pollers = after.get("ProvisionedPollerConfig") or {}
        if pollers and (after.get("ScalingConfig") or {}):
            return refusal(400, "InvalidParameterValueException", "ScalingConfig is not available")
        if pollers.get("MinimumPollers", 2) > pollers.get("MaximumPollers", 200):
            return refusal(400, "InvalidParameterValueException", "MinimumPollers is too high")
        if after["BatchSize"] > LONE_BATCH and not after.get("MaximumBatchingWindowInSeconds"):
            message = f"Maximum batch window must be at least 1 with a batch size over {LONE_BATCH}"
            return refusal(400, "InvalidParameterValueException", message)
        with self._lock:
            if time.monotonic() < self._updating.get(uuid, (0.0, ""))[0]:
                message = "Cannot update the event source mapping because it is in use."
                return refusal(400, "ResourceInUseException", message)
            turned = {True: "Enabling", False: "Disabling"}.get(change.get("Enabled"))  # type: ignore[arg-type]
            self._updating[uuid] = time.monotonic() + self.settle_s, turned or "Updating"
        return None

    def reserve_refused(self, function: str, wanted: int) -> Answer | None:
        """Why PutFunctionConcurrency can't be."""
        others = sum(value for name, value in self.reserved.items() if name != function)
        if self.limit - others - wanted < self.floor:
            message = (
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{self.floor}]."
            )
            return refusal(400, "InvalidParameterValueException", message)
        return None

    def provisioned_configs(self, function: str) -> Answer:
        """ListProvisionedConcurrencyConfigs."""
        count = self.provisioned.get(function)
        each = {"RequestedProvisionedConcurrentExecutions": count, "Status": "READY"}
        return Answer(200, {"ProvisionedConcurrencyConfigs": [each] if count else []})

    def resources(self, request: dict[str, Any]) -> Answer:
        """GetResources."""
        keys = {each["Key"] for each in request.get("TagFilters", [])}
        kinds = {kind.removeprefix("lambda:") for kind in request.get("ResourceTypeFilters", [])}
        kinds -= self._unheard_of
        found = sorted(
            arn
            for arn, tags in self.tags.items()
            if keys <= tags.keys() and arn.split(":")[5] in kinds
        )
        first = int(request.get("PaginationToken") or 0)
        after = first + min(request.get("ResourcesPerPage", 50), PAGE)
        token = str(after) if after < len(found) else ""
        listed = [{"ResourceARN": arn, "Tags": self._pairs(arn)} for arn in found[first:after]]
        body = {"PaginationToken": token, "ResourceTagMappingList": listed}
        return Answer(200, body)

    def _pairs(self, arn: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags[arn].items()]

    @property
    def _unheard_of(self) -> set[str]:
        return {"event-source-mapping"} if self.unindexed else set()

    def quota_requested(self, request: dict[str, Any]) -> Answer:
        """RequestServiceQuotaIncrease."""
        with self._lock:
            if any(each["Status"] in OPEN for each in self.requests):
                message = "Only one open service quota increase request is allowed per quota."
                return refusal(400, "ResourceAlreadyExistsException", message)
            entry = {
                "Id": f"request{len(self.requests) + 1}",
                "ServiceCode": request["ServiceCode"],
                "QuotaCode": request["QuotaCode"],
                "DesiredValue": request["DesiredValue"],
                "Status": "PENDING",
                "Created": next(_CLOCK),
            }
            self.requests.append(entry)
        return Answer(200, {"RequestedQuota": entry})

    def quota_history(self) -> Answer:
        """ListRequestedServiceQuotaChangeHistoryByQuota."""
        return Answer(200, {"RequestedQuotas": list(self.requests)})

    def approve(self) -> None:
        """AWS grants the last request."""
        self.requests[-1]["Status"] = "APPROVED"
        self.limit = int(self.requests[-1]["DesiredValue"])


def _part(
    listed: list[dict[str, Any]], marker: str | None, size: int
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The part of a list that begins at a marker, and where the next one begins."""
    first = int(marker or 0)
    after = first + size
    return listed[first:after], {"NextMarker": str(after)} if after < len(listed) else {}


_CLOCK: Final = itertools.count(1_700_000_000)
