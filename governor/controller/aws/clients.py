"""boto3's clients, with the patience that a controller has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import NoRegionError, ProfileNotFound

from governor import __version__
from governor.errors import SettingsError

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from types_boto3_service_quotas import ServiceQuotasClient
    from types_boto3_sqs import SQSClient

THREADS: Final = 16
"""Calls that are under way at once, at most."""

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0


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


def connect(read_timeout_s: float = READ_TIMEOUT_S) -> Clients:
    """Make the clients; nothing is called. Access is boto3's own: AWS_* variables, profiles.

    Raises:
        SettingsError: there is no region, no such profile, or the endpoint is no URL.

    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=THREADS,
        user_agent_extra=f"lambda-concurrency-governor/{__version__}",
    )
    with _errors_told():
        session = boto3.Session()
        if not session.region_name:  # a variable that is set to nothing is a region for boto3
            raise NoRegionError
        return Clients(
            session.client("lambda", config=config),
            session.client("sqs", config=config),
            session.client("cloudwatch", config=config),
            session.client("service-quotas", config=config),
            session.client("resourcegroupstaggingapi", config=config),
        )


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except NoRegionError as error:
        raise SettingsError("the controller knows no AWS region: set AWS_DEFAULT_REGION") from error
    except ProfileNotFound as error:
        raise SettingsError(f"{error}: correct AWS_PROFILE") from error
    except ValueError as error:  # boto3's word for an endpoint that is no URL
        raise SettingsError(f"AWS_ENDPOINT_URL: {error}") from error
