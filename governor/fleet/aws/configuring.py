"""One function's configuration and tags, read and changed.

GetFunction tells both at once, and has a quota of its own: 100 requests per second, where all other
calls of Lambda's control plane share 15 (Lambda quotas, "API requests"). A change names the
revision that it was decided on, so that nobody's change in between is overwritten.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from governor.aws.calls import Calls, nothing
from governor.aws.errors import DeniedError
from governor.errors import SettingsError
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.listing import function
from governor.fleet.configuration import Configuration
from governor.fleet.function import Function
from governor.fleet.memory import TAG, VARIABLES_TAG, Memory

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import GetFunctionResponseTypeDef

_VERSION: Final = re.compile(r"arn:[^:]+:lambda:[^:]+:\d+:layer:[^:]+:\d+")

IN_PROGRESS: Final = "InProgress"
FAILED: Final = "Failed"
"""AWS's words for a function's last update (API reference, LastUpdateStatus)."""


class Configuring:
    """Reads and changes functions by name, from several threads at once. Raises `CallError`."""

    def __init__(self, clients: Clients, calls: Calls) -> None:
        """Make nothing yet."""
        self._region = clients.region
        self._functions = clients.functions
        self._calls = calls

    def read(self, name: str) -> Function:
        """Return a function as it is now, with its tags.

        AWS keeps the tags back from who may not list them (API reference, GetFunction). That is a
        `DeniedError`: without them nobody could know what has been remembered.
        """
        found = self._calls.make(
            "lambda:GetFunction", lambda: self._functions.get_function(FunctionName=name), _read
        )
        if found.tags is None:
            raise DeniedError(f"the tags of {name} are kept back by AWS; grant lambda:ListTags")
        return found

    def configure(self, was: Function, after: Configuration) -> None:
        """Change a function that is still as it `was`, else raise `ChangedError`."""
        self._calls.make(
            "lambda:UpdateFunctionConfiguration",
            lambda: self._functions.update_function_configuration(
                FunctionName=was.name,
                Handler=after.handler,
                Layers=list(after.layers),
                Environment={"Variables": dict(after.variables)},
                RevisionId=was.revision,
            ),
            nothing,
        )

    def remember(self, was: Function, memory: Memory) -> None:
        """Write the way back into a function's tags."""
        self._calls.make(
            "lambda:TagResource",
            lambda: self._functions.tag_resource(Resource=was.arn, Tags=memory.tags),
            nothing,
        )

    def forget(self, was: Function) -> None:
        """Remove our tags."""
        self._calls.make(
            "lambda:UntagResource",
            lambda: self._functions.untag_resource(Resource=was.arn, TagKeys=[TAG, VARIABLES_TAG]),
            nothing,
        )

    def version_of(self, layer: str) -> str:
        """Return the ARN of a layer's newest version, or `layer` itself if it is one.

        Raises `SettingsError` if there is no such layer, or it is of another Region: a function
        takes layers of its own only (developer guide, layers).
        """
        if _VERSION.fullmatch(layer):
            region = layer.split(":")[3]
            if region != self._region:
                raise SettingsError(f"{layer} is of {region}, and the functions of {self._region}")
            return layer
        newest: list[str] = self._calls.make(
            "lambda:ListLayerVersions",
            lambda: self._functions.list_layer_versions(LayerName=layer, MaxItems=1),
            lambda answer: [each["LayerVersionArn"] for each in answer["LayerVersions"]],
        )
        if not newest:
            raise SettingsError(
                f"there is no layer {layer} in this account and Region: "
                f"`governor layer publish --name {layer}` makes it"
            )
        return newest[0]


def _read(answer: "GetFunctionResponseTypeDef") -> Function:
    kept_back = answer.get("TagsError", {}).get("ErrorCode")
    return replace(
        function(answer["Configuration"]), tags=None if kept_back else answer.get("Tags", {})
    )
