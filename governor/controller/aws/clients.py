"""boto3's clients, with the patience that a controller has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from governor.aws.session import READ_TIMEOUT_S, config, connect

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from types_boto3_service_quotas import ServiceQuotasClient
    from types_boto3_sqs import SQSClient

THREADS: Final = 16
"""Calls that are under way at once, at most."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One client per service. They may be used from several threads."""

    functions: "LambdaClient"
    queues: "SQSClient"
    metrics: "CloudWatchClient"
    quotas: "ServiceQuotasClient"
    tags: "ResourceGroupsTaggingAPIClient"

    def close(self) -> None:
        """Close all connections."""
        for client in (self.functions, self.queues, self.metrics, self.quotas, self.tags):
            client.close()


def connected(read_timeout_s: float = READ_TIMEOUT_S) -> Clients:
    """Make the clients; nothing is called. Raises `SettingsError`."""
    patience = config(attempts=2, threads=THREADS, read_timeout_s=read_timeout_s)
    return connect(
        lambda session: Clients(
            session.client("lambda", config=patience),
            session.client("sqs", config=patience),
            session.client("cloudwatch", config=patience),
            session.client("service-quotas", config=patience),
            session.client("resourcegroupstaggingapi", config=patience),
        )
    )
