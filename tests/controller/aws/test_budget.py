"""What a cycle costs, and what keeps it from costing more."""

import time
from collections import Counter

import pytest

from governor.aws.errors import LaterError
from governor.controller.aws.account import AwsAccount
from governor.controller.aws.bucket import Bucket
from governor.controller.aws.calls import KEPT_FOR_CHANGES, Calls
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.standin import StandIn
from governor.model import ACCOUNT, ScopeCount
from tests.controller.aws_large import large

NOW = time.time() // 60 * 60 + 30
IDLE = {ACCOUNT: ScopeCount()}
PROMISED = 25
"""Calls of the control plane per cycle when nothing changes, with 2,000 mappings."""


def as_it_is(answer: object) -> object:
    """What an answer means that needs no reading."""
    return answer


def cycle(account: AwsAccount, standin: StandIn, at_s: float) -> Counter[str]:
    """What one cycle asks for."""
    before = standin.counted()
    observed = account.observe(IDLE, at_s)
    assert observed.missing == ()
    assert observed.mappings is not None
    return standin.counted() - before


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize("waiting", [0, 7])
def test_2000_mappings_where_nothing_changes(standin: StandIn, waiting: int) -> None:
    large(standin, mappings=2000, functions=50, queues=40, waiting=waiting)
    account = AwsAccount(lambda_per_s=1000)
    cycle(account, standin, NOW)
    asked = [cycle(account, standin, NOW + 1000 + 10 * number) for number in range(8)]
    account.close()
    for each in asked:
        plane = sum(each.values()) - each["sqs:GetQueueAttributes"]
        assert plane <= PROMISED, each
    total = sum(asked, Counter())
    assert total["lambda:ListEventSourceMappings"] == 8 * 20
    assert total["lambda:GetFunction"] > 10, "functions are read again by turns"
    assert total["tag:GetResources"] == 2 + 1, "originals, and the functions' tags"
    assert total["cloudwatch:GetMetricData"] == 2


@pytest.mark.usefixtures("standin")
def test_mappings_that_are_held_back_are_asked_once_for_an_original(standin: StandIn) -> None:
    large(standin, mappings=2000, functions=50, queues=40, maximum=7)
    account = AwsAccount(lambda_per_s=1000)
    asked = [cycle(account, standin, NOW + 10 * number) for number in range(20)]
    account.close()
    for each in asked[1:]:  # functions are new to the first
        assert sum(each.values()) - each["sqs:GetQueueAttributes"] <= PROMISED, each
    assert sum(each["lambda:ListTags"] for each in asked) > 10


@pytest.mark.usefixtures("standin")
def test_no_mapping_is_asked_twice(standin: StandIn) -> None:
    large(standin, mappings=3, functions=1, queues=1, maximum=7)
    account = AwsAccount(lambda_per_s=1000)
    asked = [cycle(account, standin, NOW + 10 * number) for number in range(8)]
    account.close()
    assert sum(each["lambda:ListTags"] for each in asked) == 3


@pytest.mark.usefixtures("standin")
def test_a_restore_asks_every_mapping_for_an_original(standin: StandIn) -> None:
    large(standin, mappings=150, functions=1, queues=1)
    account = AwsAccount(lambda_per_s=1000)
    unasked = [
        account.observe(IDLE, NOW + number, every_original=True).unasked for number in range(2)
    ]
    account.close()
    assert unasked == [150, 0]
    assert standin.counted()["lambda:ListTags"] == 150


@pytest.mark.usefixtures("standin")
def test_more_mappings_than_one_cycle_lists(standin: StandIn) -> None:
    large(standin, mappings=6010, functions=1, queues=1)
    account = AwsAccount(lambda_per_s=1000)
    seen = [account.observe(IDLE, NOW + 100 * number) for number in range(5)]
    listed = [each.mappings and len(each.mappings) for each in seen]
    assert listed == [None, None, 6010, 6010, 6010], (
        "the last list holds until the next is complete"
    )
    assert [each.missing[:1] for each in seen] == [
        ("event-source mappings: 2,500 are listed; the list goes on in the next cycle",),
        ("event-source mappings: 5,000 are listed; the list goes on in the next cycle",),
        *[()] * 3,
    ]
    assert standin.counted()["lambda:ListEventSourceMappings"] == 61 + 25 + 25
    account.close()


@pytest.mark.usefixtures("standin")
def test_a_hundred_queues_without_work_are_asked_in_each_cycle_by_turns(
    standin: StandIn,
) -> None:
    large(standin, mappings=800, functions=1, queues=800)
    account = AwsAccount(lambda_per_s=1000)
    asked = [
        cycle(account, standin, NOW + 10 * number)["sqs:GetQueueAttributes"] for number in range(9)
    ]
    busy = IDLE | {"function:f0": ScopeCount(in_use=1)}
    account.observe(busy, NOW + 90)
    account.close()
    assert asked[:7] == [800, *[100] * 6]
    assert asked[7] == 200, "the last two hundred are a minute old"
    assert standin.counted()["sqs:GetQueueAttributes"] == sum(asked) + 800, "all are busy"


def test_queues_with_work_are_asked_every_cycle(
    fleet: Fleet, standin: StandIn, account: AwsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governor.controller.aws.queues._IDLE_AT_ONCE", 0)
    fleet.fed("etl", messages=1)
    fleet.fed("idle")
    asked = [
        cycle(account, standin, NOW + 10 * number)["sqs:GetQueueAttributes"] for number in range(4)
    ]
    assert asked == [2, 1, 1, 1]


@pytest.mark.usefixtures("standin")
def test_more_queues_with_work_than_one_cycle_reads(standin: StandIn) -> None:
    large(standin, mappings=1500, functions=1, queues=1500, waiting=1)
    account = AwsAccount(lambda_per_s=1000)
    first = account.observe(IDLE, NOW)
    assert len(first.queues) == 1000
    assert [sentence.partition(": ")[2] for sentence in first.missing] == [
        "not read yet: 1000 are in one cycle"
    ]
    assert "and 497 more: not read yet" in first.missing[0]
    second = account.observe(IDLE, NOW + 10)
    assert (len(second.queues), second.missing) == (1500, ())
    assert standin.counted()["sqs:GetQueueAttributes"] == 2000, "nor more than that at once"
    account.close()


@pytest.mark.usefixtures("standin")
def test_more_functions_than_one_cycle_reads(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governor.controller.aws.functions.AT_ONCE", 10)
    large(standin, mappings=15, functions=15, queues=1)
    account = AwsAccount(lambda_per_s=1000)
    first = account.observe(IDLE, NOW)
    assert len(first.functions) == 10
    assert "and 2 more: not read yet: 10 are in one cycle" in first.missing[0]
    second = account.observe(IDLE, NOW + 10)
    account.close()
    assert (len(second.functions), second.missing) == (15, ())


def test_calls_are_counted_by_operation_and_outcome(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl")
    standin.deny("sqs:*")
    account.observe(IDLE, NOW)
    assert account.calls == {
        ("lambda:ListEventSourceMappings", "ok"): 1,
        ("lambda:GetAccountSettings", "ok"): 1,
        ("lambda:GetFunction", "ok"): 1,
        ("tag:GetResources", "ok"): 2,
        ("servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota", "ok"): 1,
        ("cloudwatch:GetMetricData", "ok"): 1,
        ("sqs:GetQueueAttributes", "denied"): 1,
    }


def test_a_bucket_gives_what_was_saved_and_no_more() -> None:
    bucket = Bucket(per_s=0.001, capacity=3)
    assert [bucket.take(0, 0) for _ in range(4)] == [True, True, True, False]


def test_a_bucket_keeps_what_it_should() -> None:
    bucket = Bucket(per_s=0.001, capacity=3)
    assert [bucket.take(2, 0), bucket.take(2, 0), bucket.take(0, 0)] == [True, False, True]


def test_a_bucket_is_waited_for() -> None:
    bucket = Bucket(per_s=50, capacity=1)
    assert bucket.take(0, 0)
    assert bucket.take(0, 5)
    assert not bucket.take(10, 0.1), "nobody waits for what can't come in time"


def test_what_was_spent_already_is_charged() -> None:
    bucket = Bucket(per_s=0.001, capacity=3)
    bucket.charge(3)
    assert not bucket.take(0, 0)


def test_reading_leaves_something_for_changes() -> None:
    calls = Calls(lambda_per_s=0.2)  # saves up 1 beyond what is kept
    calls.begin(within_s=1)
    assert calls.read("lambda:GetAccountSettings", lambda: "limits", as_it_is) == "limits"
    with pytest.raises(LaterError, match="lambda:GetAccountSettings was not called"):
        calls.read("lambda:GetAccountSettings", lambda: "limits", as_it_is)
    assert calls.change("lambda:UpdateEventSourceMapping", lambda: "done", as_it_is) == "done"
    assert calls.made["lambda:GetAccountSettings", "withheld"] == 1


def test_a_change_waits_for_its_turn_while_the_cycle_lasts() -> None:
    calls = Calls(lambda_per_s=5)

    def change(times: int) -> None:
        for _ in range(times):
            calls.change("lambda:UpdateEventSourceMapping", lambda: "done", str)

    with pytest.raises(LaterError):  # no cycle has begun: now or not at all
        change(KEPT_FOR_CHANGES + 30)
    calls.begin(within_s=60)
    change(3)


def test_no_reading_begins_when_its_time_is_up() -> None:
    calls = Calls()
    calls.begin(within_s=0)
    with pytest.raises(LaterError):
        calls.read("sqs:GetQueueAttributes", lambda: "depth", as_it_is)


def test_retries_count() -> None:
    calls = Calls(lambda_per_s=1)  # saves up 5 beyond what is kept
    calls.begin(within_s=0.2)
    answer = {"ResponseMetadata": {"RetryAttempts": 3}}  # botocore's word for what it did
    assert calls.read("lambda:GetAccountSettings", lambda: answer, as_it_is) == answer
    calls.read("lambda:GetAccountSettings", lambda: "limits", as_it_is)
    with pytest.raises(LaterError):
        calls.read("lambda:GetAccountSettings", lambda: "limits", as_it_is)
