"""What stands between a function and a governor in a VPC. Values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule of a security group lets through, to or from `networks` (CIDR) and `groups`.

    `protocol` is IANA's name or number, "-1" for all. `lists`: also prefix lists, whose addresses
    are not known here.
    """

    protocol: str
    first_port: int
    last_port: int
    networks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lists: bool = False


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group."""

    id: str
    outbound: tuple[Rule, ...] = ()
    inbound: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface in a VPC; `groups` are the ids of its security groups."""

    vpc: str
    addresses: tuple[str, ...]
    groups: tuple[str, ...]
