"""All rules, one after the other."""

from collections.abc import Callable, Iterator

from governor.fleet.doctor import (
    attaching,
    events,
    governing,
    headroom,
    limits,
    queues,
    reach,
    reservations,
)
from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Check, Finding, Severity

Rule = Callable[[Examined], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    *governing.RULES,
    *limits.RULES,
    *headroom.RULES,
    *reservations.RULES,
    *queues.RULES,
    *events.RULES,
    *attaching.RULES,
    *reach.RULES,
)

_SEVERITIES = list(Severity)
_CHECKS = list(Check)


def findings(examined: Examined) -> tuple[Finding, ...]:
    """Return what there is to say, the worst first, by check, and then as its rule has them."""
    found = dict.fromkeys(each for rule in RULES for each in rule(examined))
    return tuple(
        sorted(
            found,
            key=lambda each: (_SEVERITIES.index(each.severity), _CHECKS.index(each.check)),
        )
    )
