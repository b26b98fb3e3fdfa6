"""Security groups, and whose network interfaces addresses are."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeVar

from governor.aws.calls import Calls
from governor.aws.session import config, connect
from governor.fleet.aws.clients import ATTEMPTS
from governor.fleet.doctor.network import Interface, Rule, SecurityGroup

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import (
        DescribeNetworkInterfacesResultTypeDef,
        DescribeSecurityGroupsResultTypeDef,
        IpPermissionOutputTypeDef,
        NetworkInterfaceTypeDef,
    )

AT_ONCE: Final = 200
"""Values of a filter, at most (EC2 API reference, Filter)."""

_ALL_PORTS: Final = 0, 65_535

A = TypeVar("A")
R = TypeVar("R")


class Networks:
    """EC2's networks. Its model is large, and most accounts have nothing to ask of it."""

    def __init__(self, calls: Calls) -> None:
        """Load it when something is asked."""
        self._calls = calls

    def groups(self, ids: Sequence[str]) -> dict[str, SecurityGroup]:
        """Return the security groups that exist. Raises `CallError`."""
        found = self._filtered(
            "ec2:DescribeSecurityGroups",
            ids,
            lambda client, part: client.describe_security_groups(
                Filters=[{"Name": "group-id", "Values": part}]
            ),
            _of_groups,
        )
        return {each.id: each for each in found}

    def interfaces(self, addresses: Sequence[str]) -> list[Interface]:
        """Return the network interfaces that have private `addresses`. Raises `CallError`."""
        return self._filtered(
            "ec2:DescribeNetworkInterfaces",
            addresses,
            lambda client, part: client.describe_network_interfaces(
                Filters=[{"Name": "addresses.private-ip-address", "Values": part}]
            ),
            _of_interfaces,
        )

    def _filtered(
        self,
        action: str,
        values: Sequence[str],
        call: "Callable[[EC2Client, Sequence[str]], A]",
        meaning: Callable[[A], list[R]],
    ) -> list[R]:
        if not values:
            return []
        patience = config(attempts=ATTEMPTS, threads=1, mode="adaptive")
        client: EC2Client = connect(lambda session: session.client("ec2", config=patience))
        with closing(client):
            return [
                each
                for first in range(0, len(values), AT_ONCE)
                for each in self._calls.make(
                    action,
                    lambda first=first: call(client, values[first : first + AT_ONCE]),  # type: ignore[misc]
                    meaning,
                )
            ]


def _of_groups(answer: "DescribeSecurityGroupsResultTypeDef") -> list[SecurityGroup]:
    return [
        SecurityGroup(
            each["GroupId"],
            tuple(_rule(rule) for rule in each["IpPermissionsEgress"]),
            tuple(_rule(rule) for rule in each["IpPermissions"]),
        )
        for each in answer["SecurityGroups"]
    ]


def _rule(of: "IpPermissionOutputTypeDef") -> Rule:
    first, last = _ALL_PORTS
    return Rule(
        protocol=of["IpProtocol"],
        first_port=of.get("FromPort", first),
        last_port=of.get("ToPort", last),
        networks=(
            *(each["CidrIp"] for each in of.get("IpRanges", ())),
            *(each["CidrIpv6"] for each in of.get("Ipv6Ranges", ())),
        ),
        groups=tuple(each.get("GroupId", "") for each in of.get("UserIdGroupPairs", ())),
        lists=bool(of.get("PrefixListIds")),
    )


def _of_interfaces(answer: "DescribeNetworkInterfacesResultTypeDef") -> list[Interface]:
    return [_interface(each) for each in answer["NetworkInterfaces"]]


def _interface(of: "NetworkInterfaceTypeDef") -> Interface:
    return Interface(
        vpc=of["VpcId"],
        addresses=tuple(each["PrivateIpAddress"] for each in of["PrivateIpAddresses"]),
        groups=tuple(each["GroupId"] for each in of["Groups"]),
    )
