"""What the doctor says: findings as text and as JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from governor.fleet.doctor.examined import Examined
from governor.fleet.doctor.finding import Finding, Severity

IN_FULL: Final = 5
"""Findings of one check and severity that the text explains, at most."""

NAMED: Final = 20
"""Further ones whose subjects it names, at most."""


def text(examined: Examined, found: tuple[Finding, ...]) -> Iterator[str]:
    """Yield lines: findings by severity, then the count."""
    for severity, of_it in groupby(found, lambda each: each.severity):
        of_severity = list(of_it)
        yield f"{_counted(len(of_severity), severity)}:"
        for check, alike in groupby(of_severity, lambda each: each.check):
            yield from _alike(check, list(alike))
        yield ""
    yield _summary(examined, found)


def _alike(check: str, found: list[Finding]) -> Iterator[str]:
    for each in found[:IN_FULL]:
        yield f"  {each.subject}  [{check}]"
        yield f"      {each.what}"
        yield f"      fix: {each.fix}"
    left = found[IN_FULL:]
    if left:
        named = ", ".join(dict.fromkeys(each.subject for each in left[:NAMED]))
        more = ", …" if len(left) > NAMED else ""
        yield f"  and {len(left):,} more of [{check}]; --json has them all: {named}{more}"


def _summary(examined: Examined, found: tuple[Finding, ...]) -> str:
    discovery = examined.discovery
    counts = Counter(each.severity for each in found)
    counted = ", ".join(_counted(counts[each], each) for each in Severity)
    read = f"{_counted(len(discovery.rows), 'function')} in {discovery.region}"
    if discovery.remembered:
        read += (
            f" (details of {discovery.remembered:,} as read up to "
            f"{discovery.remembered_s / 3600:.1f} h ago; --refresh reads them anew)"
        )
    return f"{counted}; {read}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def plain(examined: Examined, found: tuple[Finding, ...]) -> dict[str, Any]:
    """Return the findings as JSON has them."""
    counts = Counter(each.severity for each in found)
    discovery = examined.discovery
    return {
        "account": discovery.account,
        "region": discovery.region,
        "functions": len(discovery.rows),
        "remembered": discovery.remembered,
        "counts": {each: counts[each] for each in Severity},
        "findings": [asdict(each) for each in found],
        "missing": list(examined.missing),
    }
