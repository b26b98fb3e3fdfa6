"""Calls about the last hour: how full a scope was, and what was denied to whom."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from aiohttp import web

from governor.ledger.chronicle_store import MINUTE_MS, DenialCount
from governor.ledger.wire import BUCKET_MS, BUCKETS_AN_HOUR
from governor.model import ACCOUNT
from governor.service.app import Call, json_response
from governor.service.bodies.history import (
    DenialsAnswer,
    FunctionDenials,
    HistoryAnswer,
    SampleAnswer,
    ScopeDenials,
)


async def history(call: Call) -> web.Response:
    """Answer with the last hour of a scope."""
    scope = call.query.scope
    now_ms = await call.service.check_ins.sweep()
    chronicle = call.service.chronicle
    samples = await chronicle.samples(now_ms) if scope == ACCOUNT else []
    return json_response(
        HistoryAnswer(
            scope,
            BUCKET_MS,
            (now_ms // BUCKET_MS - BUCKETS_AN_HOUR + 1) * BUCKET_MS,
            await chronicle.peaks(scope, now_ms),
            [
                SampleAnswer(
                    each.at_ms,
                    each.user_facing,
                    each.background,
                    each.max_concurrency,
                    each.headroom,
                )
                for each in samples
            ],
        )
    )


async def denials(call: Call) -> web.Response:
    """Answer with what was denied in the last hour, by scope and function."""
    now_ms = await call.service.check_ins.sweep()
    wanted = call.query.scope
    counted: dict[str, list[DenialCount]] = defaultdict(list)
    for each in await call.service.chronicle.denials(now_ms):
        if wanted in {None, each.scope}:
            counted[each.scope].append(each)
    scopes = [
        _scope_denials(scope, list(_by_function(counts))) for scope, counts in counted.items()
    ]
    return json_response(DenialsAnswer(sorted(scopes, key=_most_first)))


def _by_function(counts: Iterable[DenialCount]) -> Iterator[FunctionDenials]:
    minutes: dict[str | None, list[DenialCount]] = defaultdict(list)
    for each in counts:
        minutes[each.function].append(each)
    for function, all_of_it in minutes.items():
        yield FunctionDenials(
            function,
            sum(each.denied for each in all_of_it),
            sum(each.shadow_denied for each in all_of_it),
            max(each.minute for each in all_of_it) * MINUTE_MS,
        )


def _scope_denials(scope: str, functions: list[FunctionDenials]) -> ScopeDenials:
    return ScopeDenials(
        scope,
        sum(each.denied for each in functions),
        sum(each.shadow_denied for each in functions),
        sorted(functions, key=_most_first),
    )


def _most_first(counted: ScopeDenials | FunctionDenials) -> tuple[int, str]:
    name = counted.scope if isinstance(counted, ScopeDenials) else counted.function
    return -(counted.denied + counted.shadow_denied), name or ""
