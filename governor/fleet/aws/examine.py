"""Examine an account that was discovered: read what only the doctor asks for."""

import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from governor.aws.calls import Calls
from governor.aws.errors import CallError, GoneError, sentences
from governor.fleet.aws import queues
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.discover import Watch
from governor.fleet.aws.networks import Networks
from governor.fleet.discovery import Discovery
from governor.fleet.doctor.examined import Examined
from governor.fleet.function import Function
from governor.fleet.names import resolved
from governor.layer.contents import URL_VARIABLE
from governor.layer.variables import Address, address_of


def examine(clients: Clients, calls: Calls, found: Discovery, watch: Watch) -> Examined:
    """Read what else AWS has to say; policy and governor are not its business."""
    missing = [*found.missing, *_unreadable(found)]

    def attempt(what: str, read: Callable[[], Any], nothing: Any) -> Any:
        try:
            return read()
        except CallError as error:
            missing.append(f"{what}: {error}")
            return nothing

    fed = list(dict.fromkeys(each.source for each in found.mappings if each.service == "sqs"))
    watch("queues", 0, len(found.rows))
    known, failed = queues.read(clients, calls, fed)
    gone = {arn for arn, error in failed.items() if _is_gone(arn, error, found.account)}
    missing += sentences(
        "queue",
        ((arn.rpartition(":")[2], error) for arn, error in failed.items() if arn not in gone),
    )
    addresses = resolved(sorted(_hosts(found)))
    networks = Networks(calls)
    private = sorted(_private(found, addresses))
    interfaces = attempt("network interfaces", lambda: networks.interfaces(private), [])
    ids = sorted(_groups(found) | {group for each in interfaces for group in each.groups})
    return Examined(
        discovery=found,
        queues=known,
        gone=frozenset(gone),
        groups=attempt("security groups", lambda: networks.groups(ids), {}),
        interfaces=tuple(interfaces),
        addresses=addresses,
        aws_ahead_s=attempt("AWS's clock", lambda: _ahead_s(clients, calls), None),
        missing=tuple(missing),
    )


def _is_gone(queue: str, error: CallError, account: str) -> bool:
    """Whether a queue, by its ARN, does not exist.

    Of another account's queue SQS may say so where just the permission is missing.
    """
    return isinstance(error, GoneError) and queue.split(":")[4] == account


def _asking(found: Discovery) -> Iterable[tuple[Function, Address]]:
    """The functions that ask a governor, and where."""
    for row in found.rows:
        if row.function.is_attached:
            address = address_of(row.function.variables[URL_VARIABLE])
            if address is not None:
                yield row.function, address


def _hosts(found: Discovery) -> set[str]:
    return {address.host for _, address in _asking(found)}


def _private(found: Discovery, addresses: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The private addresses where functions in a VPC ask."""
    known = {
        each
        for function, address in _asking(found)
        if function.network
        for each in addresses[address.host]
    }
    return {each for each in known if _is_private(ip_address(each))}


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    return address.version == 4 and address.is_private and not address.is_loopback  # noqa: PLR2004 - IPv4: what EC2 calls private addresses


def _groups(found: Discovery) -> set[str]:
    return {
        group
        for function, _ in _asking(found)
        if function.network
        for group in function.network.security_groups
    }


def _unreadable(found: Discovery) -> Iterable[str]:
    return (
        f"variables of function {row.function.name}: {row.function.unreadable}"
        for row in found.rows
        if row.function.unreadable
    )


def _ahead_s(clients: Clients, calls: Calls) -> float:
    """How far AWS's clock is ahead of this machine's, to the second."""
    return calls.make(
        "lambda:GetAccountSettings",
        clients.functions.get_account_settings,
        lambda answer: (
            parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
            - time.time()
        ),
    )
