"""boto3's clients, with the patience of someone who waits for the end.

A call that AWS throttles is made again, more slowly each time; so are the calls after it
(botocore's retry mode "adaptive").
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from governor.aws.session import READ_TIMEOUT_S, config, connect

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient

THREADS: Final = 8
"""Calls that are under way at once, at most."""

ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Clients:
    """One client per service. They may be used from several threads."""

    region: str
    functions: "LambdaClient"
    queues: "SQSClient"
    metrics: "CloudWatchClient"
    tags: "ResourceGroupsTaggingAPIClient"
    parameters: "SSMClient"

    def close(self) -> None:
        """Close all connections."""
        for client in (self.functions, self.queues, self.metrics, self.tags, self.parameters):
            client.close()


def connected(*, attempts: int = ATTEMPTS, read_timeout_s: float = 4 * READ_TIMEOUT_S) -> Clients:
    """Make the clients; nothing is called. Raises `SettingsError`."""
    patience = config(
        attempts=attempts, threads=THREADS, read_timeout_s=read_timeout_s, mode="adaptive"
    )
    return connect(
        lambda session: Clients(
            session.region_name or "",
            session.client("lambda", config=patience),
            session.client("sqs", config=patience),
            session.client("cloudwatch", config=patience),
            session.client("resourcegroupstaggingapi", config=patience),
            session.client("ssm", config=patience),
        )
    )
