"""The demo's verdict says what was, and finds what must not be."""

from dataclasses import replace

import pytest

from governor.demo.recording import Recording
from governor.demo.report import Cell, Mark, Peak, findings, peaks, table, weights
from governor.demo.watch import Run
from governor.policy import parse_yaml
from tests.demo.recordings import governed, without

POLICY = parse_yaml("""
account: {max_concurrency: 4}
groups: {batch: {max_concurrency: 2}}
functions:
  orders-api: {}
  report-gen: {groups: {batch: 2}}
  thumbnails: {max_concurrency: 1, groups: [batch]}
""")


def test_functions_count_in_their_scopes_with_their_weights() -> None:
    scopes = weights(POLICY, ["orders-api", "report-gen", "thumbnails"])
    assert scopes == {
        "function:orders-api": {"orders-api": 1},
        "function:report-gen": {"report-gen": 1},
        "function:thumbnails": {"thumbnails": 1},
        "group:batch": {"report-gen": 2, "thumbnails": 1},
        "account": {"orders-api": 1, "report-gen": 1, "thumbnails": 1},
    }
    assert [scope.partition(":")[0] for scope in scopes] == [*["function"] * 3, "group", "account"]


def test_peaks_are_what_the_notes_tell() -> None:
    runs = [Run("report-gen", 0, 10), Run("report-gen", 10, 20), Run("thumbnails", 15, 25)]
    assert peaks(POLICY, runs) == [
        Peak("function:report-gen", 1, None),
        Peak("function:thumbnails", 1, 1),
        Peak("group:batch", 3, 2),
        Peak("account", 2, 4),
    ]
    assert [each.scope for each in peaks(POLICY, runs) if each.exceeded] == ["group:batch"]


def test_the_table_has_both_acts_side_by_side() -> None:
    rows = {row.what: (row.without, row.governed) for row in table(POLICY, without(), governed())}
    assert rows["users' requests: served"] == (Cell("9"), Cell("12"))
    assert rows["… refused by AWS, the pool was full"] == (
        Cell("3", Mark.BAD),
        Cell("0", Mark.GOOD),
    )
    assert rows["… refused by the governor"] == (Cell("-"), Cell("0", Mark.GOOD))
    assert rows["messages of the burst: done, of 10"] == (Cell("10"), Cell("8"))
    assert rows["… the last of them after"] == (Cell("2 s"), Cell("not yet"))
    assert rows["… tries refused by AWS"] == (Cell("7"), Cell("0"))
    assert rows["… tries denied by the governor"] == (Cell("-"), Cell("5"))
    assert rows["most at once: account, of 4"] == (Cell("2", Mark.GOOD), Cell("1", Mark.GOOD))
    assert rows["the layer added, half of them (p50)"] == (Cell("-"), Cell("2.0 ms"))


def test_a_limit_that_did_not_hold_without_the_governor_is_marked_and_no_finding() -> None:
    both = without(), governed(Run("thumbnails", 0, 10))
    rows = {row.what: row for row in table(POLICY, *both)}
    assert rows["most at once: group:batch, of 2"].without == Cell("3", Mark.BAD)
    assert findings(POLICY, *both) == []


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (
            without(),
            governed(Run("report-gen", 0, 10), Run("report-gen", 5, 15)),
            "group:batch reached 4, above its max_concurrency of 2",
        ),
        (without(), governed(throttled=1, denied=1), "2 requests of users were refused with"),
        (without(failed=1), governed(failed=2), "3 invocations failed"),
        (without(throttled=0), governed(), "no request was refused without the governor"),
        (without(), governed(served=0), "nothing was done"),
        (without(), replace(governed(), events=()), "the controller has done nothing"),
    ],
)
def test_what_must_not_be_is_found(before: Recording, after: Recording, complaint: str) -> None:
    (found,) = findings(POLICY, before, after)
    assert complaint in found


def test_a_good_run_has_no_findings() -> None:
    assert findings(POLICY, without(), governed()) == []


def test_failures_come_with_the_first_errors_each_once() -> None:
    before = replace(without(failed=1), errors=("thumbnails: KeyError: 'a'",))
    after = replace(governed(failed=2), errors=("thumbnails: KeyError: 'a'", "orders-api: late"))
    assert findings(POLICY, before, after) == [
        "3 invocations failed",
        "one of them: thumbnails: KeyError: 'a'",
        "one of them: orders-api: late",
    ]
