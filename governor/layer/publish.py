"""Publish the layer: a new version of it in the user's AWS account.

Access is boto3's own: AWS_* variables, profiles, AWS_ENDPOINT_URL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from governor import __version__
from governor.errors import GovernorError, SettingsError
from governor.layer.archive import Archive
from governor.layer.contents import ARCHITECTURES, RUNTIMES

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_lambda.type_defs import PublishLayerVersionRequestTypeDef


class AwsError(GovernorError):
    """AWS refused a call, or could not be reached."""


@dataclass(frozen=True, slots=True)
class Published:
    """A version of the layer in AWS. `new` says that it has been made just now."""

    arn: str
    version: int
    new: bool


def request(archive: Archive, name: str) -> "PublishLayerVersionRequestTypeDef":
    """What `lambda:PublishLayerVersion` is told."""
    return {
        "LayerName": name,
        "Description": f"Lambda concurrency governor {__version__}, sha256 {archive.sha256}",
        "Content": {"ZipFile": archive.content},
        "CompatibleRuntimes": list(RUNTIMES),
        "CompatibleArchitectures": list(ARCHITECTURES),
        "LicenseInfo": "Apache-2.0",
    }


def publish(archive: Archive, name: str, region: str | None) -> Published:
    """Make `archive` the latest version of the layer `name`, unless it is that already.

    Without a `region`, it is boto3's default.

    Raises:
        SettingsError: there are no credentials, no region or no such profile, or the name is none.
        AwsError: AWS refuses, or does not answer.

    """
    with _errors_told():
        client = boto3.client("lambda", region_name=region)
        latest = _latest(client, name)
        if latest is not None:
            published = client.get_layer_version(LayerName=name, VersionNumber=latest)
            if published["Content"]["CodeSha256"] == archive.code_sha256:
                return Published(published["LayerVersionArn"], latest, new=False)
        answer = client.publish_layer_version(**request(archive, name))
        return Published(answer["LayerVersionArn"], answer["Version"], new=True)


def _latest(client: "LambdaClient", name: str) -> int | None:
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=name)
    return max((each["Version"] for page in pages for each in page["LayerVersions"]), default=None)


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn what boto3 raises into errors that tell the user what to do next."""
    try:
        yield
    except NoRegionError as error:
        raise SettingsError(
            "no AWS region: name one with --region, or set AWS_DEFAULT_REGION"
        ) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise SettingsError(
            f"no AWS credentials ({error}): log in with AWS's command line, or set AWS_PROFILE"
        ) from error
    except ParamValidationError as error:
        raise SettingsError(f"AWS would not accept this: {_one_line(error)}") from error
    except ClientError as error:
        raise AwsError(f"AWS refused: {_one_line(error)}{_permissions(error.response)}") from error
    except (BotoCoreError, ValueError) as error:  # boto3's word for an endpoint that is no URL
        raise AwsError(f"AWS could not be asked: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _permissions(response: Any) -> str:
    if "AccessDenied" not in response.get("Error", {}).get("Code", ""):
        return ""
    return (
        "; publishing needs lambda:ListLayerVersions, lambda:GetLayerVersion "
        "and lambda:PublishLayerVersion"
    )
