"""Each rule of the doctor: a case that has it, and a nearby one that has not."""

import pytest

from governor.fleet.doctor.examination import findings
from governor.fleet.doctor.finding import Check, Severity
from governor.fleet.doctor.report import text
from tests.fleet.cases import governing, limiting, queueing, reserving
from tests.fleet.cases.case import Case, account, attached, function, said

CASES = (*queueing.CASES, *reserving.CASES, *limiting.CASES, *governing.CASES)


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


def test_the_busiest_of_those_that_nobody_governs_come_first() -> None:
    peaks = {"a": 1, "b": 9, "c": 5}
    functions = [function(name, runtime="python3.13") for name in peaks]
    found = findings(account(*functions, peaks=peaks))
    assert [each.subject for each in found] == ["function:b", "function:c", "function:a"]


def test_many_alike_are_explained_by_a_few_and_named() -> None:
    peaks = {f"f-{number:03}": 500 - number for number in range(400)}
    examined = account(*(function(name, runtime="python3.13") for name in peaks), peaks=peaks)
    lines = list(text(examined, findings(examined)))
    assert lines[0] == "400 warnings:"
    assert lines[1].split()[0] == "function:f-000"
    (more,) = (line for line in lines if "more of" in line)
    assert more.startswith(
        "  and 395 more of [unattached]; --json has them all: function:f-005, function:f-006, "
    )
    assert more.endswith(" function:f-024, …")
    assert len(lines) == 1 + 5 * 3 + 1 + 2


def test_the_worst_comes_first() -> None:
    examined = account(
        attached("a", "http://127.0.0.1:1"),
        attached("b", "http://127.0.0.1:1"),
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
