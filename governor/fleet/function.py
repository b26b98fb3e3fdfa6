"""An account as its lists show it: functions with their configuration, and what feeds them.

Values only. What AWS does not show in lists of many (reserved concurrency, say) stands elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from governor.controller.observed import Knobs
from governor.layer.contents import (
    HANDLERS,
    RUNTIMES,
    URL_VARIABLE,
    WRAPPER,
    WRAPPER_VARIABLE,
)

STACK_TAG: Final = "aws:cloudformation:stack-name"
"""The tag that CloudFormation gives to what it makes (user guide, resource tags)."""


class Package(StrEnum):
    """How a function's code comes. Images take no layers (developer guide, layers)."""

    ZIP = "zip"
    IMAGE = "image"


class Attached(StrEnum):
    """How the governor's layer gets before a function's handler, if it does."""

    WRAPPER = "wrapper"
    HANDLER = "handler"
    CODE = "code"
    """The function knows where the governor is, so its code must ask: it is decorated."""
    NO = "no"


@dataclass(frozen=True, slots=True)
class Network:
    """Where in a VPC a function runs, by ids."""

    vpc: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function and its configuration.

    `runtime` is "" and `handler` is "" for images. `tags` None: they could not be read. `state` is
    AWS's word (Active, Pending, Inactive, Failed) and `update` that of the last update (Successful,
    Failed, InProgress); both are "" in what is listed, for lists do not say (API reference,
    ListFunctions).
    """

    name: str
    arn: str
    runtime: str = ""
    package: Package = Package.ZIP
    handler: str = ""
    layers: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    unreadable: str = ""
    """Why AWS does not show the variables (their key is not ours to use); "" if it does."""
    timeout_s: int = 3
    memory_mb: int = 128
    network: Network | None = None
    dead_letter: str = ""
    """The ARN of the queue or topic for events that are given up; "" if there is none."""
    state: str = ""
    update: str = ""
    revision: str = ""
    """It changes with the configuration (API reference, RevisionId)."""
    tags: Mapping[str, str] | None = field(default_factory=dict)

    @property
    def stack(self) -> str:
        """The CloudFormation stack that it belongs to; "" if it belongs to none, or none known."""
        return (self.tags or {}).get(STACK_TAG, "")

    @property
    def unsupported(self) -> str:
        """Why the layer can't be attached to it as it is; "" if it can."""
        if self.package is Package.IMAGE:
            return (
                "a container image takes no layers: unpack the layer's zip to /opt in its "
                "Dockerfile, and set the variables there or at the function"
            )
        if self.runtime not in RUNTIMES:
            return f"the layer does not run in {self.runtime}, only in {', '.join(RUNTIMES)}"
        return ""

    @property
    def attached(self) -> Attached:
        """How it is governed. Without `GOVERNOR_URL` the layer stands aside, whatever else is."""
        if not self.variables.get(URL_VARIABLE):
            return Attached.NO
        if self.variables.get(WRAPPER_VARIABLE) == WRAPPER:
            return Attached.WRAPPER
        return Attached.HANDLER if self.handler in HANDLERS.values() else Attached.CODE

    @property
    def is_attached(self) -> bool:
        """Whether it is governed."""
        return self.attached is not Attached.NO


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """A queue, stream or broker that Lambda polls for a function.

    `source` is its ARN; "" for what has none, such as brokers outside of AWS.
    """

    uuid: str
    arn: str
    function: str
    source: str
    knobs: Knobs
    min_pollers: int | None = None
    """The fewest pollers that it has in provisioned mode; None: it is not in that mode."""
    reports_failures: bool = False
    """Whether the function may answer which of a batch's items failed (ReportBatchItemFailures)."""
    on_failure: str = ""
    """The ARN where records go that are given up; "" if nowhere."""

    @property
    def service(self) -> str:
        """The service of the source, as ARNs name it: sqs, kinesis, dynamodb, kafka, mq."""
        return self.source.split(":")[2] if self.source else "self-managed"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is in an account and Region, by its lists. `missing` says what could not be read."""

    region: str
    functions: tuple[Function, ...]
    mappings: tuple[EventSourceMapping, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def account(self) -> str:
        """The account's id; "" if there are no functions, whose ARNs tell it."""
        return self.functions[0].arn.split(":")[4] if self.functions else ""

    @property
    def place(self) -> str:
        """Which account, as far as that is known, and Region it is."""
        return f"account {self.account}, {self.region}" if self.account else self.region
