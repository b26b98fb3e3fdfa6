"""The first policy for an account."""

from typing import Any

import pytest

from governor.controller.observed import AccountFacts
from governor.fleet.details import Details
from governor.fleet.discovery import Discovery, Peaks, Row, suggested
from governor.fleet.function import Function
from governor.fleet.sources import Kind, Source
from governor.fleet.suggestion import head, suggest
from governor.model import Mode, Priority
from governor.policy import Account, parse_yaml
from governor.policy import Function as Limited
from governor.replay.document import document

API, SQS = Source(Kind.API, "API Gateway"), Source(Kind.SQS, "SQS")


def row(name: str, peak: int | None, *sources: Source, **details: Any) -> Row:
    priority, why = suggested(sources, ())
    return Row(Function(name, f"arn:{name}"), sources, Details(**details), peak, priority, why)


def discovery(*rows: Row, **others: Any) -> Discovery:
    known: dict[str, Any] = {
        "account": "123456789012",
        "region": "eu-central-1",
        "functions": len(rows),
        "limits": AccountFacts(1000, 900),
        "peaks": Peaks({}, summed=200, in_all=700),
        "calls": {},
    }
    return Discovery(rows=rows, **(known | others))


def test_priorities_and_limits_with_recommends_margins() -> None:
    policy = suggest(
        discovery(row("api", 30, API), row("etl", 40, SQS), row("idle", 0, API))
    ).policy
    assert policy.functions == {
        "api": Limited(max_concurrency=60, priority=Priority.USER_FACING, mode=Mode.SHADOW),
        "etl": Limited(max_concurrency=50, priority=Priority.BACKGROUND, mode=Mode.SHADOW),
    }
    assert policy.account == Account(max_concurrency=900, headroom=200, mode=Mode.SHADOW)


def test_peaks_that_could_not_be_read() -> None:
    proposal = suggest(discovery(row("api", None, API), row("idle", 0, API)))
    assert list(proposal.policy.functions) == ["api"]
    (why,) = (each.why for each in proposal.reasons if each.path == "account.headroom")
    assert "1 functions' peaks could not be read" in why


def test_what_is_known_of_functions_without_traffic() -> None:
    policy = suggest(
        discovery(row("idle", 0, SQS), row("unread", None, SQS), row("own", 0, API, reserved=7))
    ).policy
    assert policy.functions["idle"].max_concurrency is None
    assert policy.functions["unread"].max_concurrency is None
    assert not policy.functions["own"].shared


def test_a_function_that_is_switched_off_is_none_with_a_reservation() -> None:
    policy = suggest(
        discovery(row("off", 0, API, reserved=0), row("new", 3, API, reserved=0))
    ).policy
    assert list(policy.functions) == ["new"]
    assert policy.functions["new"].shared
    assert policy.functions["new"].max_concurrency == 6


def test_a_limit_is_no_higher_than_what_aws_lets_run() -> None:
    proposal = suggest(discovery(row("api", 600, API), row("own", 45, API, reserved=50)))
    limits = {name: each.max_concurrency for name, each in proposal.policy.functions.items()}
    assert limits == {"api": 900, "own": 50}
    assert "peak 45, times 2.0, but no more than it has reserved" in {
        each.why for each in proposal.reasons
    }


def test_what_doctor_compares_the_headroom_with_is_what_was_suggested() -> None:
    found = discovery(peaks=Peaks({}, summed=200, in_all=150))
    assert found.peaks.users == 150 == suggest(found).policy.account.headroom


@pytest.mark.parametrize(
    ("peaks", "limits", "account", "says"),
    [
        (
            Peaks({}, 200, 150),
            AccountFacts(1000, 900),
            (900, 150),
            "no more than all together: 150",
        ),
        (Peaks({}, 200, None), AccountFacts(1000, 900), (900, 200), "highest sum of their peaks"),
        (Peaks({}, 800, 900), AccountFacts(1000, 900), (900, 450), "half of the account"),
        (Peaks({}, 0, 0), AccountFacts(10, 10), (10, 0), "user-facing peak 0"),
        (Peaks({}, 0, 0), None, (1000, 0), "put in your account's"),
    ],
)
def test_the_account(
    peaks: Peaks, limits: AccountFacts | None, account: tuple[int, int], says: str
) -> None:
    proposal = suggest(discovery(peaks=peaks, limits=limits))
    found = proposal.policy.account
    assert (found.max_concurrency, found.headroom) == account
    assert any(says in reason.why for reason in proposal.reasons)


def test_the_document_says_why_and_is_a_policy() -> None:
    rows = row("api", 30, API), row("idle", 0, API), row("own", 3, SQS, reserved=7)
    found = discovery(*rows, functions=9, missing=("tags: no",))
    proposal = suggest(found)
    text = document(proposal, head(found, proposal.policy))
    assert parse_yaml(text) == proposal.policy
    for line in (
        "# A first policy for account 123456789012 in eu-central-1.",
        "# Functions that were not selected: 6.",
        "# Could not be read: tags: no",
        "  # priority user-facing: API Gateway may wait for it",
        "  # max_concurrency 60: peak 30, times 2.0",
        "  # shared false: it has 7 reserved, outside of the shared pool",
        "# max_concurrency 900: the account's 1000, less 100 reserved or provisioned",
    ):
        assert line in text.splitlines()
    assert "# 2 of 3 functions" in text
