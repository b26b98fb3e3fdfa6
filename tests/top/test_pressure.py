"""Which scopes `governor top` shows first, and their rates."""

from typing import Any

import pytest

from governor.top.pressure import MOST_ROWS, view


def scope(name: str, **fields: Any) -> dict[str, Any]:
    """A scope as `GET /v1/status` has it."""
    totals = dict.fromkeys(("granted", "denied", "shadow_denied", "overruns", "expired"), 0)
    rest = {"in_use": 0, "max_concurrency": None, "headroom": 0, "mode": "enforce", "peak": 0}
    return {"scope": name, **rest, **totals, **fields}


BUSY = [
    scope("account", in_use=50, max_concurrency=100),
    scope("group:etl", in_use=9, max_concurrency=10, denied=40),
    scope("function:free", in_use=500),
    scope("function:full", in_use=3, max_concurrency=3, granted=120),
    scope("function:closed", max_concurrency=0),
    scope("function:over", in_use=1, max_concurrency=0),
]


def test_those_under_most_pressure_come_first() -> None:
    rows = view(BUSY, {}, 1.0).rows
    assert [row.scope for row in rows] == [
        "function:full",
        "function:over",
        "group:etl",
        "account",
        "function:free",
        "function:closed",
    ]
    assert [row.pressure for row in rows] == [1, 1, 0.9, 0.5, 0, 0]


def test_rates_are_of_the_time_since_the_last_status() -> None:
    before = {"group:etl": scope("group:etl", denied=10), "function:full": BUSY[3]}
    rows = {row.scope: row for row in view(BUSY, before, 2.0).rows}
    assert rows["group:etl"].denied == 15
    assert rows["function:full"].granted == 0
    assert rows["account"].granted == 0, "nothing is known of before"


@pytest.mark.parametrize("elapsed_s", [0.0, -1.0])
def test_without_time_there_is_no_rate(elapsed_s: float) -> None:
    before = {"group:etl": scope("group:etl")}
    assert all(row.denied == 0 for row in view(BUSY, before, elapsed_s).rows)


def test_a_store_that_lost_its_totals_gives_no_negative_rate() -> None:
    before = {"group:etl": scope("group:etl", denied=1000)}
    assert all(row.denied >= 0 for row in view(BUSY, before, 1.0).rows)


def test_a_part_of_the_name_is_enough() -> None:
    found = view(BUSY, {}, 1.0, "FU")
    assert [row.scope for row in found.rows] == [
        "function:full",
        "function:over",
        "function:free",
        "function:closed",
    ]
    assert [row.scope for row in view(BUSY, {}, 1.0, "etl").rows] == ["group:etl"]
    assert view(BUSY, {}, 1.0, "nothing").rows == ()


def test_no_more_than_can_be_read() -> None:
    many = [scope(f"function:f{number:05}", in_use=number) for number in range(10_000)]
    found = view(many, {}, 1.0)
    assert (len(found.rows), found.matching) == (MOST_ROWS, 10_000)
    assert found.rows[0].in_use == 9999
