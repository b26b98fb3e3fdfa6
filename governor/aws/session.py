"""Access to AWS. It is boto3's own: AWS_* variables, profiles, AWS_ENDPOINT_URL."""

from collections.abc import Callable
from typing import Final, Literal, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import InvalidRegionError, ProfileNotFound

from governor import __version__
from governor.errors import SettingsError

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0

T = TypeVar("T")


def config(
    *,
    attempts: int,
    threads: int,
    read_timeout_s: float = READ_TIMEOUT_S,
    mode: Literal["standard", "adaptive"] = "standard",
) -> Config:
    """How patient clients are, who make up to `attempts` tries of a call and serve `threads`."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": mode, "total_max_attempts": attempts},
        max_pool_connections=threads,
        user_agent_extra=f"lambda-concurrency-governor/{__version__}",
    )


def connect(build: Callable[[boto3.Session], T]) -> T:
    """Return what `build` makes of a session; nothing of AWS is called.

    Raises:
        SettingsError: there is no region, no such profile, or the endpoint is no URL.

    """
    try:
        session = boto3.Session()
        if not session.region_name:  # a variable that is set to nothing is a region for boto3
            raise SettingsError("there is no AWS region: set AWS_DEFAULT_REGION")
        return build(session)
    except ProfileNotFound as error:
        raise SettingsError(f"{error}: correct AWS_PROFILE") from error
    except InvalidRegionError as error:
        raise SettingsError(f"{error} correct AWS_DEFAULT_REGION") from error
    except ValueError as error:  # boto3's word for an endpoint that is no URL
        raise SettingsError(f"AWS_ENDPOINT_URL: {error}") from error
