"""How functions are attached, whom they ask, and whether they can."""

from dataclasses import replace
from typing import Any

from governor.fleet.details import Details
from governor.fleet.doctor.examined import Examined, Store
from governor.fleet.doctor.finding import Check
from governor.fleet.doctor.network import Interface, Rule, SecurityGroup
from governor.fleet.function import Package
from tests.fleet.cases.case import (
    RUNNING,
    URL,
    account,
    attached,
    error,
    function,
    hint,
    warning,
)

OUT = Rule("tcp", 8642, 8642, ("10.0.0.0/8",))
REDIRECTED = "governor_layer.handler"
NAMED = "http://governor.internal:8642"
ASKING = replace(RUNNING, url=URL, wants_token=True)


def busy(**fields: Any) -> Examined:
    """A function that runs, and is not attached."""
    return account(function(**({"runtime": "python3.13"} | fields)), peaks={"f": 3})


def asking(url: str, *addresses: str, **fields: Any) -> Examined:
    """A function that asks at `url`, whose host resolves to `addresses` from here."""
    host = url.partition("://")[2].partition(":")[0]
    return account(attached(url=url, **fields), addresses={host: addresses} if addresses else {})


def fenced(*rules: Rule, url: str = URL) -> Examined:
    """A function in a VPC, whose security group has outbound `rules`."""
    return account(attached(url=url), groups={"sg-1": SecurityGroup("sg-1", rules)})


def gated(*inbound: Rule, url: str = URL, out: Rule = OUT, vpc: str = "vpc-1") -> Examined:
    """The same, and the security group sg-2 of the governor has `inbound` rules."""
    return account(
        attached(url=url),
        groups={
            "sg-1": SecurityGroup("sg-1", outbound=(out,)),
            "sg-2": SecurityGroup("sg-2", inbound=inbound),
        },
        interfaces=(Interface(vpc, ("10.0.0.5",), ("sg-2",)),),
        addresses={"governor.internal": ("10.0.0.5",)},
    )


def redirected(**variables: str) -> Examined:
    return account(
        function(handler=REDIRECTED, layers=("arn",), variables={"GOVERNOR_URL": URL, **variables})
    )


def wrapped(**fields: Any) -> Examined:
    """A function with the wrapper, and no address to ask."""
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/governor", **fields.pop("variables", {})}
    return account(function(layers=("arn",), variables=variables, **fields))


def governed(
    governor: Any = RUNNING, aws_ahead_s: float | None = 0.0, **variables: str
) -> Examined:
    return account(attached(variables=variables), governor=governor, aws_ahead_s=aws_ahead_s)


def stored(policy: str) -> Examined:
    return governed(replace(RUNNING, store=Store("redis", "7.2", policy)))


def of_role(status: int) -> Examined:
    return governed(replace(ASKING, roles={"secret": status}), GOVERNOR_TOKEN="secret")


CASES = (
    warning(
        Check.UNATTACHED,
        "function:f",
        busy(),
        account(attached(), peaks={"f": 3}),
        "governor fleet attach f",
    ),
    warning(Check.UNATTACHED, "function:f", busy(), account(function())),
    warning(Check.UNATTACHED, "function:f", busy(), busy(unreadable="its key is disabled")),
    hint(
        Check.UNATTACHED,
        "function:f",
        busy(runtime="java21"),
        account(function(runtime="java21")),
        "java21",
    ),
    error(
        Check.HALF_ATTACHED,
        "function:f",
        account(attached(layers=())),
        account(attached()),
        "no layer",
    ),
    error(
        Check.HALF_ATTACHED,
        "function:f",
        account(attached(layers=())),
        account(attached(layers=(), package=Package.IMAGE)),
    ),
    error(
        Check.HALF_ATTACHED,
        "function:f",
        redirected(),
        redirected(GOVERNOR_HANDLER="app.handler"),
        "GOVERNOR_HANDLER",
    ),
    warning(Check.STANDS_ASIDE, "function:f", wrapped(), account(attached()), "GOVERNOR_URL"),
    error(
        Check.STANDS_ASIDE,
        "function:f",
        wrapped(variables={"GOVERNOR_FAIL": "closed"}),
        account(function()),
    ),
    hint(
        Check.STANDS_ASIDE,
        "function:f",
        account(attached(variables={"GOVERNOR_DISABLED": "true"})),
        account(function(variables={"GOVERNOR_DISABLED": "true"})),
    ),
    warning(Check.NO_FUNCTIONS, "account", account(), account(function()), "eu-central-1"),
    hint(
        Check.STANDS_ASIDE,
        "function:f",
        account(attached(variables={"GOVERNOR_DISABLED": "true"})),
        account(attached(variables={"GOVERNOR_DISABLED": "0"})),
    ),
    warning(
        Check.OLD_ALIAS,
        "function:f",
        account(attached(), details={"f": Details(old_aliases=("live", "prod"))}),
        account(attached(), details={"f": Details()}),
        "live, prod",
    ),
    hint(
        Check.SEVERAL_GOVERNORS,
        "governor",
        account(attached("a"), attached("b", NAMED)),
        account(attached("a"), attached("b", f"{URL}/")),
        f"{URL} (1)",
    ),
    error(Check.GOVERNOR_URL, "function:f", asking("governor:8642"), asking(URL), "no address"),
    error(Check.GOVERNOR_URL, "function:f", asking("http://h:99999"), asking("http://h:9999")),
    error(Check.GOVERNOR_URL, "function:f", asking("http://127.0.0.1:1"), asking(URL), "loopback"),
    error(
        Check.GOVERNOR_URL,
        "function:f",
        asking("http://localhost:1"),
        asking(NAMED, "127.0.0.1"),
    ),
    error(Check.GOVERNOR_URL, "function:f", asking("http://h:0"), asking("http://h")),
    error(Check.GOVERNOR_URL, "function:f", asking("http://h:"), asking("http://h")),
    error(Check.GOVERNOR_URL, "function:f", asking("ftp://h:1"), asking("https://h/a")),
    error(Check.GOVERNOR_URL, "function:f", asking("http://u:p@h"), asking(URL), "'http://…@h'"),
    error(Check.GOVERNOR_URL, "function:f", asking("http://a b:1"), asking("http://[fe80::1]:1")),
    error(
        Check.UNREACHABLE, "function:f", asking(URL, network=None), asking(URL), "private address"
    ),
    error(
        Check.UNREACHABLE,
        "function:f",
        asking(URL, network=None),
        asking("http://52.1.2.3:80", network=None),
    ),
    warning(
        Check.UNREACHABLE,
        "function:f",
        asking(NAMED, "10.0.0.5", network=None),
        asking(NAMED, "52.1.2.3", network=None),
    ),
    warning(
        Check.UNREACHABLE,
        "function:f",
        asking(NAMED, network=None),
        asking(NAMED),
        "does not resolve",
    ),
    error(Check.UNREACHABLE, "function:f", fenced(), fenced(OUT), "sg-1"),
    error(
        Check.UNREACHABLE,
        "function:f",
        fenced(replace(OUT, last_port=8641, first_port=0)),
        fenced(replace(OUT, protocol="-1", first_port=0, last_port=0)),
    ),
    error(
        Check.UNREACHABLE,
        "function:f",
        fenced(replace(OUT, networks=("10.1.0.0/16",))),
        fenced(replace(OUT, networks=("10.1.0.0/16",), lists=True)),
    ),
    error(Check.UNREACHABLE, "function:f", fenced(replace(OUT, protocol="udp")), fenced(OUT)),
    error(
        Check.UNREACHABLE,
        "function:f",
        fenced(url=NAMED),
        fenced(replace(OUT, networks=("10.1.0.0/16",)), url=NAMED),
    ),
    error(
        Check.UNREACHABLE,
        "function:f",
        fenced(),
        account(attached(), groups={"sg-2": SecurityGroup("sg-2")}),
    ),
    error(Check.UNREACHABLE, "function:f", gated(), gated(OUT), "sg-2"),
    error(Check.UNREACHABLE, "function:f", gated(), gated(vpc="vpc-2")),
    error(
        Check.UNREACHABLE,
        "function:f",
        gated(replace(OUT, networks=(), groups=("sg-3",))),
        gated(replace(OUT, networks=(), groups=("sg-1",))),
    ),
    error(
        Check.UNREACHABLE,
        "function:f",
        gated(OUT, out=replace(OUT, networks=(), groups=("sg-3",))),
        gated(OUT, out=replace(OUT, networks=(), groups=("sg-2",))),
    ),
    warning(Check.UNREACHABLE, "function:f", gated(url=NAMED), gated(OUT, url=NAMED)),
    error(
        Check.SILENT_GOVERNOR,
        "governor",
        governed(replace(RUNNING, silent="nobody", store=None)),
        governed(),
        "nobody",
    ),
    error(
        Check.TOKEN_REFUSED,
        "governor",
        governed(replace(RUNNING, refused="this token's role is layer", store=None)),
        governed(),
        "role is layer",
    ),
    error(
        Check.NO_TOKEN,
        "function:f",
        governed(ASKING),
        governed(ASKING, GOVERNOR_TOKEN_SECRET="arn"),
    ),
    error(Check.NO_TOKEN, "function:f", governed(ASKING), governed(ASKING, GOVERNOR_TOKEN="t")),
    error(Check.NO_TOKEN, "function:f", governed(ASKING), governed()),
    warning(
        Check.NO_TOKEN,
        "function:f",
        governed(replace(ASKING, url=NAMED)),
        governed(replace(ASKING, url=NAMED), GOVERNOR_TOKEN="t"),
        f"if it is this governor that it asks at {URL}",
    ),
    error(Check.TOKEN_ROLE, "function:f", of_role(401), of_role(403), "does not know"),
    error(
        Check.TOKEN_ROLE,
        "function:f",
        governed(GOVERNOR_TOKEN="se cret"),
        governed(GOVERNOR_TOKEN="secret"),
    ),
    warning(
        Check.TOKEN_ROLE,
        "function:f",
        of_role(200),
        governed(replace(ASKING, url=NAMED, roles={"secret": 200}), GOVERNOR_TOKEN="secret"),
    ),
    hint(
        Check.PLAIN_TOKEN,
        "function:f",
        governed(GOVERNOR_TOKEN="t"),
        governed(GOVERNOR_TOKEN_SECRET="arn"),
    ),
    error(
        Check.STORE_DOWN,
        "store",
        governed(replace(RUNNING, store_down="the store can't be reached", store=None)),
        governed(),
        "≥ 7.0",
    ),
    error(Check.EVICTION, "store", stored("allkeys-lru"), stored("noeviction"), "allkeys-lru"),
    hint(Check.EVICTION, "store", stored("volatile-ttl"), stored("noeviction")),
    hint(Check.EVICTION, "store", stored(""), governed(replace(RUNNING, store=None))),
    warning(
        Check.CLOCK,
        "this machine",
        governed(aws_ahead_s=61),
        governed(aws_ahead_s=60),
        "61 s behind AWS's",
    ),
    warning(
        Check.CLOCK,
        "governor",
        governed(replace(RUNNING, ahead_s=301)),
        governed(replace(RUNNING, ahead_s=-300)),
        "301 s ahead of",
    ),
    warning(
        Check.CLOCK,
        "store",
        governed(replace(RUNNING, store_ahead_s=-61)),
        governed(replace(RUNNING, store_ahead_s=-60)),
        "61 s behind",
    ),
    warning(
        Check.CLOCK,
        "store",
        governed(replace(RUNNING, store_ahead_s=-61)),
        governed(replace(RUNNING, store_ahead_s=-61), aws_ahead_s=None),
    ),
)
