"""The demo's findings: when it has failed, and what its table says."""

import pytest

from governor.demo.environment import Answer
from governor.demo.report import Row, findings, table, weights
from governor.demo.traffic import Outcome, outcome
from governor.demo.watch import Run
from governor.policy import parse_yaml

POLICY = parse_yaml("""
account: {max_concurrency: 4}
groups: {db: {max_concurrency: 3}}
functions: {api: {groups: [db]}, etl: {max_concurrency: 1, groups: {db: 2}}, other: {}}
""")


def row(
    max_concurrency: int | None = 3, granted: int = 1, denied: int = 1, highest: int = 3
) -> Row:
    return Row("group:db", max_concurrency, granted + denied, granted, denied, highest, 1.0, 2.0)


def test_functions_count_in_their_scopes_with_their_weights() -> None:
    scopes = weights(POLICY, ["api", "etl", "other"])
    assert scopes == {
        "function:api": {"api": 1},
        "function:etl": {"etl": 1},
        "function:other": {"other": 1},
        "group:db": {"api": 1, "etl": 2},
        "account": {"api": 1, "etl": 1, "other": 1},
    }
    assert [scope.partition(":")[0] for scope in scopes] == [*["function"] * 3, "group", "account"]


def test_the_table_counts_what_callers_got_and_what_ran() -> None:
    tally = {
        ("api", Outcome.GRANTED): 5,
        ("api", Outcome.DENIED): 2,
        ("etl", Outcome.GRANTED): 3,
        ("etl", Outcome.FAILED): 1,
    }
    runs = [
        Run("api", 0, 50, added_ns=90_000_000),  # before the load began: it was cold
        Run("api", 100, 200, added_ns=1_000_000),
        Run("api", 300, 400, added_ns=2_000_000),
        Run("etl", 150, 350, added_ns=4_000_000),
    ]
    rows = {
        each.scope: each for each in table(POLICY, weights(POLICY, ["api", "etl"]), tally, runs, 60)
    }
    assert rows["function:api"] == Row("function:api", None, 7, 5, 2, 1, 1.0, 2.0)
    assert rows["function:etl"] == Row("function:etl", 1, 4, 3, 0, 1, 4.0, 4.0)
    assert rows["group:db"] == Row("group:db", 3, 11, 8, 2, 3, 2.0, 4.0)
    assert rows["account"] == Row("account", 4, 11, 8, 2, 2, 2.0, 4.0)


@pytest.mark.parametrize(
    ("rows", "failures", "complaint"),
    [
        ([row(highest=4)], [], "group:db reached 4, above its max_concurrency of 3"),
        ([row()], ["api answered 502: gone"], "api answered 502: gone"),
        ([row(granted=0)], [], "nothing was granted"),
        ([row(denied=0)], [], "nothing was denied"),
        ([], [], "nothing was granted"),
    ],
)
def test_what_must_not_be_is_found(rows: list[Row], failures: list[str], complaint: str) -> None:
    assert any(complaint in found for found in findings(rows, failures))


def test_a_good_run_has_no_findings() -> None:
    assert findings([row(), row(max_concurrency=None, highest=99)], []) == []


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (Answer(200, {"worked": True}, 1.0), Outcome.GRANTED),
        (Answer(200, {"statusCode": 429, "body": "…"}, 1.0), Outcome.DENIED),
        (Answer(200, {"errorType": "ConcurrencyLimitExceeded"}, 1.0), Outcome.DENIED),
        (Answer(200, {"errorType": "ValueError"}, 1.0), Outcome.FAILED),
        (Answer(200, "2026 Task timed out after 5.00 seconds", 1.0), Outcome.FAILED),
        (Answer(502, {"worked": True}, 1.0), Outcome.FAILED),
    ],
)
def test_callers_tell_denials_from_failures(answer: Answer, came: Outcome) -> None:
    assert outcome(answer) is came
