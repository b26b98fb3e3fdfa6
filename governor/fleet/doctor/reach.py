"""Whether functions can reach their governor, as far as their configuration tells.

Not told: routes, NAT, network ACLs, peered VPCs, and names that resolve otherwise inside of a VPC.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check, Finding, error, warning
from governor.fleet.doctor.network import Interface, Rule
from governor.fleet.function import Function
from governor.layer.contents import URL_VARIABLE
from governor.layer.variables import Address, address_of

_TCP = frozenset({"tcp", "6", "-1"})


def shown(url: str) -> str:
    """Return `url` without a password."""
    return re.sub(r"//[^/]*@", "//…@", url)


def governor_url(examined: Examined) -> Iterator[Finding]:
    """GOVERNOR_URL is an address that is not the function's own environment (README, Attach)."""
    for row in examined.attached:
        url, subject = row.function.variables[URL_VARIABLE], f"function:{row.function.name}"
        address = address_of(url)
        fix = f"set {URL_VARIABLE} to the governor's address, http://host:port"
        if address is None:
            what = f"its {URL_VARIABLE} {shown(url)!r} is no address that the layer can use"
            yield error(Check.GOVERNOR_URL, subject, what, fix)
        elif address.is_loopback:
            what = f"its {URL_VARIABLE} {url} is the function's own environment (loopback)"
            yield error(Check.GOVERNOR_URL, subject, what, fix)


def private_address(examined: Examined) -> Iterator[Finding]:
    """A function that is in no VPC reaches public addresses only.

    Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC": a
    function without has access to the internet, and not to what is private in a VPC. Names are
    resolved from here, which may differ, so only an address itself is certain.
    """
    for row in examined.attached:
        function = row.function
        address = address_of(function.variables[URL_VARIABLE])
        if address is None or function.network is not None:
            continue
        found = _addresses(examined, address)
        subject = f"function:{function.name}"
        fix = "attach the function to the governor's VPC, or give the governor a public address"
        if not found:
            what = f"{address.host} does not resolve from here, and the function is in no VPC"
            yield warning(Check.UNREACHABLE, subject, what, fix)
        elif all(each.is_private and not each.is_loopback for each in found):
            what = f"{address.host} is a private address, and the function is in no VPC"
            literal = _literal(address.host) is not None
            yield (error if literal else warning)(Check.UNREACHABLE, subject, what, fix)


def no_way_out(examined: Examined) -> Iterator[Finding]:
    """A security group of a function lets it out to the governor.

    VPC user guide, "Security group rules": what no rule of any of its groups allows is refused.
    """
    for row in examined.attached:
        function = row.function
        address = address_of(function.variables[URL_VARIABLE])
        if address is None or function.network is None:
            continue
        rules = _rules(examined, function.network.security_groups, address.port, "outbound")
        if rules is None or any(_lets_out(examined, rule, address, function) for rule in rules):
            continue
        groups = ", ".join(function.network.security_groups)
        what = f"no security group of it ({groups}) lets it out to {address.host}:{address.port}"
        fix = f"allow outbound TCP {address.port} to the governor in one of them"
        yield error(Check.UNREACHABLE, f"function:{function.name}", what, fix)


def no_way_in(examined: Examined) -> Iterator[Finding]:
    """A security group of what has the governor's address lets the function in.

    VPC user guide, "Security group rules". A rule with addresses may be about the function's.
    """
    for row in examined.attached:
        function = row.function
        address = address_of(function.variables[URL_VARIABLE])
        door = None if address is None else _door(examined, function, address)
        if address is None or door is None or function.network is None:
            continue
        rules = _rules(examined, door.groups, address.port, "inbound")
        own = set(function.network.security_groups)
        if rules is None or any(
            rule.networks or rule.lists or own & set(rule.groups) for rule in rules
        ):
            continue
        what = (
            f"no security group ({', '.join(door.groups)}) of {address.host} lets it in at port "
            f"{address.port}"
        )
        fix = f"allow inbound TCP {address.port} there from {', '.join(sorted(own))}"
        found = warning if _literal(address.host) is None else error
        yield found(Check.UNREACHABLE, f"function:{function.name}", what, fix)


def _rules(
    examined: Examined, groups: Iterable[str], port: int, way: Literal["outbound", "inbound"]
) -> list[Rule] | None:
    """The rules for a port of all `groups`; None if they are not known, or there are no groups."""
    known = [examined.groups.get(each) for each in groups]
    if not known:
        return None
    rules: list[Rule] = []
    for group in known:
        if group is None:
            return None
        rules += [rule for rule in getattr(group, way) if _is_of(rule, port)]
    return rules


def _is_of(rule: Rule, port: int) -> bool:
    if rule.protocol not in _TCP:
        return False
    return rule.protocol == "-1" or rule.first_port <= port <= rule.last_port


def _lets_out(examined: Examined, rule: Rule, address: Address, function: Function) -> bool:
    """Whether a rule may let a function out to `address`."""
    literal = _literal(address.host)
    if literal is None or rule.lists:  # a name may be another address in the VPC
        return True
    if any(literal in ip_network(each, strict=False) for each in rule.networks):
        return True
    door = _door(examined, function, address)
    return bool(rule.groups) and (door is None or bool(set(rule.groups) & set(door.groups)))


def _door(examined: Examined, function: Function, address: Address) -> Interface | None:
    """What has the governor's address in the function's VPC."""
    hosts = {f"{each}" for each in _addresses(examined, address)}
    vpc = None if function.network is None else function.network.vpc
    for each in examined.interfaces:
        if each.vpc == vpc and hosts & set(each.addresses):
            return each
    return None


def _addresses(examined: Examined, address: Address) -> list[IPv4Address | IPv6Address]:
    """What a host is, as seen from here."""
    literal = _literal(address.host)
    if literal is not None:
        return [literal]
    return [ip_address(each) for each in examined.addresses.get(address.host, ())]


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


RULES = (governor_url, private_address, no_way_out, no_way_in)
