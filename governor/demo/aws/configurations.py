"""What AWS does at a change of a function's configuration and moto does not, for the stand-in.

- UpdateFunctionConfiguration: a RevisionId that is not the latest is answered with
  PreconditionFailedException; while an update is in progress, another one with
  ResourceConflictException (API reference; developer guide, "Lambda function states").
- At most 5 layers, and variables of 4 KB as JSON (Lambda quotas; AWS's refusal cites the JSON).
"""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from governor.demo.aws.lacking import Answer, refusal

MAX_LAYERS: Final = 5
MAX_VARIABLES: Final = 4096


@dataclass
class Configurations:
    """Revisions of functions, by name, and updates that are in progress."""

    settle_s: float = 0.0
    """How long an update takes."""
    _revisions: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def shown(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """A configuration as AWS shows it."""
        name = configuration["FunctionName"]
        in_progress = time.monotonic() < self._until.get(name, 0.0)
        return configuration | {
            "RevisionId": self.revision(name),
            "LastUpdateStatus": "InProgress" if in_progress else "Successful",
        }

    def revision(self, name: str) -> str:
        """The latest revision of a function."""
        return f"revision-{self._revisions.get(name, 0)}"

    def begin(self, name: str) -> None:
        """Somebody changes the function: there is a new revision, in place after a while."""
        with self._lock:
            self._revisions[name] = self._revisions.get(name, 0) + 1
            self._until[name] = time.monotonic() + self.settle_s

    def refused(self, name: str, change: dict[str, Any]) -> Answer | None:
        """Why UpdateFunctionConfiguration can't be."""
        if time.monotonic() < self._until.get(name, 0.0):
            message = (
                "The operation cannot be performed at this time. "
                f"An update is in progress for resource: {name}"
            )
            return refusal(409, "ResourceConflictException", message)
        if change.get("RevisionId") not in {None, self.revision(name)}:
            message = "The Revision Id provided does not match the latest Revision Id."
            return refusal(412, "PreconditionFailedException", message)
        if len(change.get("Layers", ())) > MAX_LAYERS:
            message = "Layers consumption exceeds the limit of 5 layers"
            return refusal(400, "InvalidParameterValueException", message)
        variables = json.dumps(
            change.get("Environment", {}).get("Variables", {}), separators=(",", ":")
        )
        if len(variables) > MAX_VARIABLES:
            message = (
                "Lambda was unable to configure your environment variables because the environment "
                f"variables you have provided exceeded the 4KB limit. String measured: {variables}"
            )
            return refusal(400, "InvalidParameterValueException", message)
        return None
