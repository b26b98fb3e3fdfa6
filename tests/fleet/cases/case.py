"""A case of a rule, and what accounts of cases are made of."""

from dataclasses import dataclass, replace
from typing import Any

from governor.controller.observed import AccountFacts, Knobs
from governor.fleet.details import Details
from governor.fleet.discovery import Discovery, Peaks, rows
from governor.fleet.doctor.examined import Examined, Governor, Queue, Store
from governor.fleet.doctor.finding import Check, Finding, Severity
from governor.fleet.function import EventSourceMapping, Function, Network
from governor.fleet.sources import Kind, Source
from governor.policy import parse_yaml

URL = "http://10.0.0.5:8642"
LAYER = "arn:aws:lambda:eu-central-1:1:layer:governor:1"
NETWORK = Network("vpc-1", ("subnet-1",), ("sg-1",))
RUNNING = Governor("http://governor", store=Store("valkey", "8.0", "noeviction"))
LED = replace(RUNNING, has_leader=True)
S3 = Source(Kind.ASYNC, "S3")
LOGS = Source(Kind.ASYNC, "CloudWatch Logs")
IOT = Source(Kind.ASYNC, "IoT")


@dataclass(frozen=True)
class Case:
    """An account in which a check finds something about `subject`, and one in which it doesn't."""

    check: Check
    severity: Severity
    subject: str
    has: Examined
    has_not: Examined
    says: str = ""
    """Part of what is said, or of the fix."""


def error(check: Check, subject: str, has: Examined, has_not: Examined, says: str = "") -> Case:
    return Case(check, Severity.ERROR, subject, has, has_not, says)


def warning(check: Check, subject: str, has: Examined, has_not: Examined, says: str = "") -> Case:
    return Case(check, Severity.WARNING, subject, has, has_not, says)


def hint(check: Check, subject: str, has: Examined, has_not: Examined, says: str = "") -> Case:
    return Case(check, Severity.HINT, subject, has, has_not, says)


def function(name: str = "f", **fields: Any) -> Function:
    """A function that is not attached."""
    return Function(name=name, arn=f"arn:aws:lambda:eu-central-1:1:function:{name}", **fields)


def attached(name: str = "f", url: str = URL, variables: Any = None, **fields: Any) -> Function:
    """A function that is, in a VPC."""
    known = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/governor", "GOVERNOR_URL": url}
    fields = {"layers": (LAYER,), "runtime": "python3.13", "network": NETWORK} | fields
    return function(name, variables=known | (variables or {}), **fields)


def mapping(function: str = "f", queue: str = "q", **fields: Any) -> EventSourceMapping:
    """An SQS queue that feeds a function; `fields` are the mapping's or its knobs'."""
    names = fields.keys() & {"reports_failures", "min_pollers"}
    own = {name: fields.pop(name) for name in names}
    return EventSourceMapping(
        uuid=f"{function}-{queue}",
        arn="",
        function=function,
        source=f"arn:aws:sqs:eu-central-1:1:{queue}",
        knobs=Knobs(**fields),
        **own,
    )


def queue(
    name: str = "q", visibility_s: int = 600, receives: int | None = 5, dead: str = "dead"
) -> Queue:
    """A queue with a dead-letter queue, or `receives` None."""
    place = "arn:aws:sqs:eu-central-1:1"
    return Queue(
        f"{place}:{name}",
        visibility_s,
        receives,
        f"{place}:{dead}" if receives is not None else "",
    )


def account(  # noqa: PLR0913 - what an account may have
    *functions: Function,
    mappings: tuple[EventSourceMapping, ...] = (),
    queues: tuple[Queue, ...] = (),
    details: dict[str, Details] | None = None,
    peaks: dict[str, int] | None = None,
    users: int = 0,
    unreserved: int | None = 1000,
    policy: str = "account: {max_concurrency: 1000}",
    hidden: int = 0,
    **others: Any,
) -> Examined:
    """An account with a policy, "" for none; `hidden` functions of it were not selected."""
    known = {each.name: Details() for each in functions} | (details or {})
    found = rows(functions, mappings, known)
    return Examined(
        discovery=Discovery(
            account="1",
            region="eu-central-1",
            rows=tuple(
                replace(each, peak=(peaks or {}).get(each.function.name, 0)) for each in found
            ),
            functions=len(found) + hidden,
            limits=None if unreserved is None else AccountFacts(1000, unreserved),
            peaks=Peaks(peaks or {}, users),
            calls={},
            mappings=mappings,
        ),
        policy=parse_yaml(policy) if policy else None,
        queues={each.arn: each for each in queues},
        **others,
    )


def said(finding: Finding) -> str:
    return f"{finding.what} {finding.fix}"
