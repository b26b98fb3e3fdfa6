"""Publish the layer: a new version of it in the user's AWS account."""

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from governor import __version__
from governor.aws.calls import Calls
from governor.aws.errors import CredentialsError, DeniedError
from governor.aws.session import config, connect
from governor.layer.archive import Archive
from governor.layer.contents import ARCHITECTURES, RUNTIMES

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_lambda.type_defs import (
        ListLayerVersionsResponseTypeDef,
        PublishLayerVersionRequestTypeDef,
    )

ATTEMPTS: Final = 4
ANSWER_WITHIN_S: Final = 60.0
"""Lambda reads and checks the whole archive before it answers."""

_LIST: Final = "lambda:ListLayerVersions"
_GET: Final = "lambda:GetLayerVersion"
_PUBLISH: Final = "lambda:PublishLayerVersion"


@dataclass(frozen=True, slots=True)
class Published:
    """A version of the layer in AWS. `new` says that it has been made just now."""

    arn: str
    version: int
    new: bool


def request(archive: Archive, name: str) -> "PublishLayerVersionRequestTypeDef":
    """What PublishLayerVersion is told."""
    return {
        "LayerName": name,
        "Description": f"Lambda concurrency governor {__version__}, sha256 {archive.sha256}",
        "Content": {"ZipFile": archive.content},
        "CompatibleRuntimes": list(RUNTIMES),
        "CompatibleArchitectures": list(ARCHITECTURES),
        "LicenseInfo": "Apache-2.0",
    }


def publish(archive: Archive, name: str) -> Published:
    """Make `archive` the latest version of the layer `name`, unless it is that already.

    Raises:
        SettingsError: there is no region or no such profile, or the endpoint is no URL.
        CallError: AWS refuses, or does not answer.

    """
    patience = config(attempts=ATTEMPTS, threads=1, read_timeout_s=ANSWER_WITHIN_S)
    with closing(connect(lambda session: session.client("lambda", config=patience))) as client:
        try:
            return _published(client, archive, name)
        except CredentialsError:
            raise
        except DeniedError as error:
            takes = f"publishing takes {_LIST}, {_GET} and {_PUBLISH}"
            raise DeniedError(f"{error}; {takes}") from error


def _published(client: "LambdaClient", archive: Archive, name: str) -> Published:
    calls = Calls()
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=name)
    latest = calls.make(_LIST, lambda: list(pages), _latest)
    if latest is not None:
        digest, arn = calls.make(
            _GET,
            lambda: client.get_layer_version(LayerName=name, VersionNumber=latest),
            lambda answer: (answer["Content"]["CodeSha256"], answer["LayerVersionArn"]),
        )
        if digest == archive.code_sha256:
            return Published(arn, latest, new=False)
    return calls.make(
        _PUBLISH,
        lambda: client.publish_layer_version(**request(archive, name)),
        lambda answer: Published(answer["LayerVersionArn"], answer["Version"], new=True),
    )


def _latest(pages: "list[ListLayerVersionsResponseTypeDef]") -> int | None:
    return max((each["Version"] for page in pages for each in page["LayerVersions"]), default=None)
