"""Each rule of the doctor: a case that has it, and a nearby one that has not."""

import pytest

from governor.fleet.doctor.examination import findings
from governor.fleet.doctor.finding import Check, Severity
from tests.fleet.cases import governing, limiting, queueing
from tests.fleet.cases.case import Case, account, attached, said

CASES = (*queueing.CASES, *limiting.CASES, *governing.CASES)


each_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.check}-{number}" for number, case in enumerate(CASES)]
)


@each_case
def test_a_case_has_it(case: Case) -> None:
    (found,) = (each for each in findings(case.has) if each.check is case.check)
    assert (found.severity, found.subject) == (case.severity, case.subject)
    assert case.says in said(found)
    assert found.fix


@each_case
def test_a_nearby_case_has_not(case: Case) -> None:
    assert not [each for each in findings(case.has_not) if each.check is case.check]


def test_every_check_has_a_case() -> None:
    assert {case.check for case in CASES} == set(Check)


def test_the_worst_comes_first() -> None:
    examined = account(
        attached("b", "http://127.0.0.1:1"),
        attached("a", "http://127.0.0.1:1"),
        policy="account: {headroom: 1}",
    )
    assert [(each.severity, each.subject) for each in findings(examined)] == [
        (Severity.ERROR, "function:a"),
        (Severity.ERROR, "function:b"),
        (Severity.WARNING, "account"),
    ]


def test_another_region_than_was_meant_is_told_once() -> None:
    policy = "account: {max_concurrency: 9}\ngroups: {g: {}}\nfunctions: {a: {}, b: {}}"
    (found,) = findings(account(policy=policy))
    assert found.check is Check.NO_FUNCTIONS
