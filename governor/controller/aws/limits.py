"""The account's limits, and requests for higher ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from governor.aws.calls import nothing
from governor.aws.errors import ExistsError
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.observed import QuotaRequest

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import GetAccountSettingsResponseTypeDef
    from types_boto3_service_quotas.type_defs import (
        ListRequestedServiceQuotaChangeHistoryByQuotaResponseTypeDef as _History,
    )

SERVICE: Final = "lambda"
QUOTA: Final = "L-B99A9384"
"""Service Quotas' code for the account's concurrent executions."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The account's limit, and what reserved concurrency leaves of it."""

    limit: int
    unreserved: int


def of_account(clients: Clients, calls: Calls) -> Limits:
    """Read the account's limits. Raises `CallError`."""
    return calls.read(
        "lambda:GetAccountSettings",
        clients.functions.get_account_settings,
        of_settings,
    )


def of_settings(answer: "GetAccountSettingsResponseTypeDef") -> Limits:
    """What GetAccountSettings says of concurrency."""
    limits = answer["AccountLimit"]
    return Limits(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"])


def last_request(clients: Clients, calls: Calls) -> QuotaRequest | None:
    """The last request for a higher limit, None if there was none. Raises `CallError`."""
    return calls.read(
        "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
        lambda: clients.quotas.list_requested_service_quota_change_history_by_quota(
            ServiceCode=SERVICE, QuotaCode=QUOTA, MaxResults=100
        ),
        _last,
    )


def _last(answer: "_History") -> QuotaRequest | None:
    requests = answer["RequestedQuotas"]
    if not requests:
        return None
    last = max(requests, key=lambda each: each["Created"])
    return QuotaRequest(last["Id"], last["Status"], int(last["DesiredValue"]))


def request(clients: Clients, calls: Calls, desired: int) -> str:
    """Request a higher limit; say so if one is requested already. Raises `CallError`."""
    try:
        calls.change(
            "servicequotas:RequestServiceQuotaIncrease",
            lambda: clients.quotas.request_service_quota_increase(
                ServiceCode=SERVICE, QuotaCode=QUOTA, DesiredValue=desired
            ),
            nothing,
        )
    except ExistsError as error:
        return f"a request is open already: {error}"
    return ""
