"""What really happens to known traffic, by the reference ledger, and the record of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from heapq import heappop, heappush

from governor.ledger.reference import ReferenceLedger
from governor.model import Acquire, Denied, Release
from governor.policy import Policy
from governor.replay.form import Line
from governor.replay.looks import Looks
from governor.resolver import Resolver
from tests.replay.traffic import Visit

BEGIN_MS = 1_700_000_000_000


def happen(policy: Policy, visits: Sequence[Visit], for_s: int) -> tuple[Counter[str], list[Line]]:
    """Let `visits` happen under `policy`; return how many were denied of whom, and the record."""
    ledger, looks, denied = ReferenceLedger(Resolver(policy)), Looks(), Counter[str]()
    lines = [looks.line({"scopes": []}, BEGIN_MS)]
    ends: list[tuple[int, str]] = []
    coming = sorted(visits, reverse=True)
    for second in range(1, for_s + 1):
        end_ms = BEGIN_MS + second * 1000
        while True:
            comes_ms = BEGIN_MS + round(coming[-1].at_s * 1000) if coming else end_ms
            goes_ms = ends[0][0] if ends else end_ms
            if min(comes_ms, goes_ms) >= end_ms:
                break
            if goes_ms <= comes_ms:
                at_ms, id_ = heappop(ends)
                ledger.exchange([Release(id_)], at_ms)
                continue
            visit, id_ = coming.pop(), f"{len(coming)}"
            acquire = Acquire(id_, visit.function, 1_200_000)
            (answer,) = ledger.exchange([acquire], comes_ms)
            if isinstance(answer, Denied):
                denied[visit.function] += 1
            else:
                heappush(ends, (comes_ms + round(visit.lasts_s * 1000), id_))
        scopes = [{"scope": scope} | asdict(count) for scope, count in ledger.counts().items()]
        lines.append(looks.line({"scopes": scopes}, end_ms))
    return denied, lines
