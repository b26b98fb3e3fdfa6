"""The running governor: whether it answers, takes tokens, has a fit store and the right time."""

from collections.abc import Iterator
from http import HTTPStatus

from governor.fleet.doctor.examined import Examined, Governor
from governor.fleet.doctor.finding import Check, Finding, error, hint, warning
from governor.fleet.doctor.reach import shown
from governor.fleet.function import Function
from governor.layer.contents import URL_VARIABLE
from governor.layer.variables import SECRET_VARIABLE, TOKEN_VARIABLE, is_plain

APART_S = 60.0
SIGNED_S = 300.0


def silent_governor(examined: Examined) -> Iterator[Finding]:
    """The governor answers from here."""
    governor = examined.governor
    if governor is not None and governor.silent:
        fix = "start it, or correct --url; from elsewhere it may answer nevertheless"
        yield error(Check.SILENT_GOVERNOR, "governor", governor.silent, fix)


def token_refused(examined: Examined) -> Iterator[Finding]:
    """The token that was given opens what a reader may (README, Tokens)."""
    governor = examined.governor
    if governor is not None and governor.refused:
        what = f"it does not tell how it is: {governor.refused}"
        fix = "name a token with the role reader or admin with --token (GOVERNOR_TOKEN)"
        yield error(Check.TOKEN_REFUSED, "governor", what, fix)


def no_token(examined: Examined) -> Iterator[Finding]:
    """Functions have a token where the governor wants one (README, Tokens).

    Functions may know it by another address than it was examined at; or they ask another one.
    """
    governor = examined.governor
    if governor is None or not governor.wants_token:
        return
    for row in examined.attached:
        variables, subject = row.function.variables, f"function:{row.function.name}"
        if variables.get(TOKEN_VARIABLE) or variables.get(SECRET_VARIABLE):
            continue
        what = "the governor wants a token and the function has none: every check-in is refused"
        fix = f"set {SECRET_VARIABLE} to the ARN of a secret that has a token of the role layer"
        if _asks(row.function, governor):
            yield error(Check.NO_TOKEN, subject, what, fix)
        else:
            what += f", if it is this governor that it asks at {shown(variables[URL_VARIABLE])}"
            yield warning(Check.NO_TOKEN, subject, what, fix)


def token_role(examined: Examined) -> Iterator[Finding]:
    """A function's token is one that the governor knows, of the role layer (README, Tokens).

    That role opens check-ins alone, so a reader's call with it is refused with 403.
    """
    governor = examined.governor
    fix = "give it a token of the role layer"
    for row in examined.attached:
        variables, subject = row.function.variables, f"function:{row.function.name}"
        token = variables.get(TOKEN_VARIABLE, "")
        if not is_plain(token):
            what = (
                f"its {TOKEN_VARIABLE} has a space or a character outside of ASCII: "
                "it can't be sent"
            )
            yield error(Check.TOKEN_ROLE, subject, what, fix)
        if governor is None or not _asks(row.function, governor):
            continue
        match governor.roles.get(token):
            case HTTPStatus.UNAUTHORIZED:
                what = f"the governor does not know its {TOKEN_VARIABLE}: every check-in is refused"
                yield error(Check.TOKEN_ROLE, subject, what, fix)
            case HTTPStatus.OK:
                what = (
                    f"its {TOKEN_VARIABLE} is a reader's, who can't check in, or an admin's, "
                    "who may do all"
                )
                yield warning(Check.TOKEN_ROLE, subject, what, fix)


def _asks(function: Function, governor: Governor) -> bool:
    """Whether a function asks at the address at which the governor was examined."""
    return function.variables[URL_VARIABLE].rstrip("/") == governor.url.rstrip("/")


def plain_token(examined: Examined) -> Iterator[Finding]:
    """A token is better kept in a secret than in a variable.

    Lambda developer guide, "Working with Lambda environment variables": who may read a function's
    configuration reads its variables; use Secrets Manager for what is sensitive.
    """
    for row in examined.attached:
        if row.function.variables.get(TOKEN_VARIABLE):
            what = (
                f"its {TOKEN_VARIABLE} is a plain variable: who may read its configuration has it"
            )
            fix = (
                f"keep it in Secrets Manager, and set {SECRET_VARIABLE} to the secret's ARN instead"
            )
            yield hint(Check.PLAIN_TOKEN, f"function:{row.function.name}", what, fix)


def store_down(examined: Examined) -> Iterator[Finding]:
    """The governor has a store that can do its work: Redis ≥ 7.0 or Valkey ≥ 7.2."""
    governor = examined.governor
    if governor is not None and governor.store_down:
        fix = "see that it runs, and is Redis ≥ 7.0 or Valkey ≥ 7.2; until then nothing is limited"
        yield error(Check.STORE_DOWN, "store", governor.store_down, fix)


def eviction(examined: Examined) -> Iterator[Finding]:
    """The store keeps what it has when its memory is full.

    Redis documentation, "Key eviction": volatile-* policies evict keys with an expiry only, of
    which the ledger has none, and are then as noeviction.
    """
    store = examined.governor.store if examined.governor else None
    if store is None:
        return
    fix = "set maxmemory-policy noeviction (of ElastiCache: in the parameter group)"
    if store.maxmemory_policy.startswith("allkeys"):
        what = (
            f"{store.server} {store.version} has maxmemory-policy {store.maxmemory_policy}: when "
            "its memory is full it drops leases, counts and the policy without a word"
        )
        yield error(Check.EVICTION, "store", what, fix)
    elif store.maxmemory_policy.startswith("volatile"):
        what = (
            f"maxmemory-policy is {store.maxmemory_policy}: it spares the governor's keys, which "
            "have no expiry, but not those of others that share the store"
        )
        yield hint(Check.EVICTION, "store", what, fix)
    elif not store.maxmemory_policy:
        what = f"{store.server} {store.version} does not tell its maxmemory-policy"
        yield hint(Check.EVICTION, "store", what, f"{fix}, if it can be set")


def clock(examined: Examined) -> Iterator[Finding]:
    """Clocks agree with AWS's.

    The controller asks CloudWatch for minutes by the store's clock. AWS refuses requests that are
    signed more than five minutes off (IAM user guide, "AWS Signature Version 4").
    """
    aws_s, governor = examined.aws_ahead_s, examined.governor
    if aws_s is None:
        return
    fix = "set the clock: NTP, or the Amazon Time Sync Service"
    if abs(aws_s) > APART_S:
        what = f"its clock is {_apart(-aws_s)} AWS's: it asks CloudWatch for other times"
        yield warning(Check.CLOCK, "this machine", what, fix)
    if governor is None:
        return
    if governor.ahead_s is not None and abs(governor.ahead_s - aws_s) > SIGNED_S:
        what = (
            f"its clock is {_apart(governor.ahead_s - aws_s)} AWS's: no controller can work there"
        )
        yield warning(Check.CLOCK, "governor", what, fix)
    if governor.store_ahead_s is not None and abs(governor.store_ahead_s - aws_s) > APART_S:
        what = (
            f"its clock is {_apart(governor.store_ahead_s - aws_s)} AWS's: the controller asks "
            "CloudWatch for other minutes than the last ones"
        )
        yield warning(Check.CLOCK, "store", what, fix)


def _apart(ahead_s: float) -> str:
    return f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'}"


RULES = (
    silent_governor,
    token_refused,
    no_token,
    token_role,
    plain_token,
    store_down,
    eviction,
    clock,
)
