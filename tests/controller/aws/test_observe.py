"""What a snapshot says of the account."""

import time
from typing import Any

import pytest

from governor.controller.actions import Brake, Result
from governor.controller.aws.account import AwsAccount
from governor.controller.aws.tags import KEY, of_knobs
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
    Queue,
)
from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.standin import StandIn
from governor.model import ACCOUNT, ScopeCount

NOW = time.time() // 60 * 60 + 30
IDLE = {ACCOUNT: ScopeCount()}


def observe(account: AwsAccount, at_s: float = NOW, **in_use: int) -> Observed:
    """A snapshot while the ledger counts so many of these functions."""
    scopes = {ACCOUNT: ScopeCount(in_use=sum(in_use.values()))}
    scopes |= {f"function:{name}": ScopeCount(in_use=count) for name, count in in_use.items()}
    return account.observe(scopes, at_s)


def ungoverned(account: AwsAccount, *peaks: int) -> int | None:
    """What runs ungoverned if the ledger had these peaks in the last minutes before this one.

    Each was there in one of the minute's 10 s only.
    """
    minutes = [count for peak in peaks for count in (0, 0, peak, 0, 0, 0)]
    return account.observe(IDLE, NOW, [*minutes, 500, 500, 500, 500]).ungoverned


def mapping(observed: Observed, uuid: str) -> EventSourceMapping:
    """One of the mappings."""
    assert observed.mappings is not None
    return next(each for each in observed.mappings if each.uuid == uuid)


def test_an_empty_account(account: AwsAccount) -> None:
    observed = observe(account)
    assert observed == Observed(
        NOW, AccountFacts(1000, 1000), (), {}, {}, IDLE, ungoverned=0, missing=(), tags={}
    )


def test_a_mapping_its_queue_and_its_function(fleet: Fleet, account: AwsAccount) -> None:
    fleet.function("etl", timeout_s=45)
    queue = fleet.queue("etl-queue", messages=3, receive_count=5)
    uuid = fleet.mapping(
        "etl",
        queue,
        BatchSize=7,
        ScalingConfig={"MaximumConcurrency": 40},
    )
    observed = observe(account)
    assert observed.missing == ()
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:event-source-mapping:{uuid}"
    assert observed.mappings == (
        EventSourceMapping(
            uuid,
            arn,
            "etl",
            queue,
            Knobs(max_concurrency=40, batch_size=7),
        ),
    )
    assert observed.queues == {queue: Queue(queue, 3, 0, max_receive_count=5)}
    assert observed.functions == {"etl": FunctionFacts("etl", 45)}


@pytest.mark.parametrize(
    ("settings", "knobs", "min_pollers"),
    [
        ({}, Knobs(), None),
        ({"Enabled": False}, Knobs(enabled=False), None),
        ({"ScalingConfig": {}}, Knobs(), None),
        (
            {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 20},
            Knobs(batch_size=100, window_s=20),
            None,
        ),
        (
            {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 30}},
            Knobs(max_pollers=30),
            3,
        ),
    ],
)
def test_knobs(
    fleet: Fleet,
    account: AwsAccount,
    settings: dict[str, Any],
    knobs: Knobs,
    min_pollers: int | None,
) -> None:
    uuid = fleet.fed("etl", **settings)
    seen = mapping(observe(account), uuid)
    assert (seen.knobs, seen.min_pollers) == (knobs, min_pollers)


def test_a_fifo_queue(fleet: Fleet, account: AwsAccount) -> None:
    fleet.function("etl")
    queue = fleet.queue("etl.fifo")
    fleet.mapping("etl", queue)
    assert observe(account).queues[queue].fifo


def test_messages_in_flight(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl", messages=5)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:etl-queue"
    fleet.queues.receive_message(QueueUrl=fleet.url(queue), MaxNumberOfMessages=2)
    seen = observe(account).queues[queue]
    assert (seen.visible, seen.in_flight) == (3, 2)


def test_a_mapping_of_a_version(fleet: Fleet, account: AwsAccount) -> None:
    fleet.function("etl")
    version = fleet.functions.publish_version(FunctionName="etl")["FunctionArn"]
    uuid = fleet.mapping(version, fleet.queue("etl-queue"))
    observed = observe(account)
    assert mapping(observed, uuid).function == "etl"
    assert observed.functions["etl"].timeout_s == 30


def test_every_page_of_the_mappings(fleet: Fleet, standin: StandIn, account: AwsAccount) -> None:
    fleet.function("etl")
    uuids = {fleet.mapping("etl", fleet.queue(f"queue-{number}")) for number in range(205)}
    observed = observe(account)
    assert observed.mappings is not None
    assert {each.uuid for each in observed.mappings} == uuids
    assert len(observed.queues) == 205
    assert standin.counted()["lambda:ListEventSourceMappings"] == 3


def test_a_list_of_many_pages_holds_for_a_moment(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.function("etl")
    for number in range(205):
        fleet.mapping("etl", fleet.queue(f"queue-{number}"))
    for later_s in (0, 1, 2):  # 3 pages are worth 1.2 s
        observe(account, NOW + later_s)
    assert standin.counted()["lambda:ListEventSourceMappings"] == 6


def test_reserved_concurrency_is_not_shared(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl")
    assert account.apply(Brake("etl", None, 50, "")).result is Result.DONE
    observed = observe(account)
    assert observed.account == AccountFacts(1000, 950)
    assert observed.functions["etl"].reserved == 50


def test_provisioned_concurrency_is_not_shared(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl")
    standin.state.provisioned["etl"] = 30
    fleet.put_metric("UnreservedConcurrentExecutions", 10, NOW - 60)
    fleet.put_metric("ClaimedAccountConcurrency", 40, NOW - 60)
    observed = observe(account)
    assert observed.account == AccountFacts(1000, 970)
    assert observed.functions["etl"].provisioned == 30


def test_what_runs_ungoverned(fleet: Fleet, account: AwsAccount) -> None:
    for minute, seen in enumerate((100, 95, 70)):
        fleet.put_metric("UnreservedConcurrentExecutions", seen, NOW - 180 + 60 * minute)
    assert ungoverned(account, 10, 20, 30) == 75


@pytest.mark.parametrize("spike", [180, 120, 60])
def test_what_one_minute_shows_is_not_counted_with(
    fleet: Fleet, account: AwsAccount, spike: int
) -> None:
    for ago in (180, 120, 60):
        seen = 100 if ago == spike else 83
        fleet.put_metric("UnreservedConcurrentExecutions", seen, NOW - ago)
    assert ungoverned(account, 80, 80, 80) == 3


def test_what_runs_governed_is_not_ungoverned(fleet: Fleet, account: AwsAccount) -> None:
    for before_s in (60, 120):
        fleet.put_metric("UnreservedConcurrentExecutions", 190, NOW - before_s)
    assert ungoverned(account, 200, 200) == 0


def test_before_anything_has_checked_in_all_is_ungoverned(
    fleet: Fleet, account: AwsAccount
) -> None:
    for before_s in (60, 120):
        fleet.put_metric("UnreservedConcurrentExecutions", 190, NOW - before_s)
    assert account.observe({}, NOW).ungoverned == 190


def test_figures_of_what_has_work(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl", messages=1)
    fleet.fed("idle")
    for name in ("etl", "idle"):
        fleet.put_metric("Duration", 2500, NOW - 60, FunctionName=name)
        fleet.put_metric("ConcurrentExecutions", 12, NOW - 60, FunctionName=name)
        fleet.put_metric(
            "ApproximateAgeOfOldestMessage", 77, NOW - 60, "AWS/SQS", QueueName=f"{name}-queue"
        )
    observed = observe(account)
    etl, idle = observed.functions["etl"], observed.functions["idle"]
    assert (etl.concurrency, etl.duration_s) == (12, 2.5)
    assert (idle.concurrency, idle.duration_s) == (None, None)
    ages = {queue.arn.rpartition(":")[2]: queue.oldest_age_s for queue in observed.queues.values()}
    assert ages == {"etl-queue": 77, "idle-queue": None}


def test_a_function_without_a_mapping(fleet: Fleet, account: AwsAccount) -> None:
    fleet.function("api", timeout_s=3)
    assert observe(account, api=4).functions == {"api": FunctionFacts("api", 3)}


def test_originals_that_the_tagging_service_does_not_show(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    held = fleet.fed("held", ScalingConfig={"MaximumConcurrency": 5})
    arn = mapping(observe(account), held).arn
    standin.state.unindexed = True
    standin.state.tags[arn] = {KEY: of_knobs(Knobs())}
    fleet.functions.tag_resource(Resource=arn, Tags=standin.state.tags[arn])
    another = AwsAccount(lambda_per_s=200)
    first, second, later = (observe(another, NOW + after_s) for after_s in (0, 10, 1000))
    another.close()
    assert (first.unasked, mapping(first, held).original) == (1, None)
    assert (second.unasked, mapping(second, held).original) == (0, Knobs())
    assert mapping(later, held).original == Knobs(), "that it is not shown says nothing"


def test_originals_that_the_tagging_service_shows_no_more(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    held = fleet.fed("held", ScalingConfig={"MaximumConcurrency": 5})
    arn = mapping(observe(account), held).arn
    standin.state.tags[arn] = {KEY: of_knobs(Knobs())}
    assert mapping(observe(account, NOW + 70), held).original == Knobs()
    del standin.state.tags[arn]
    assert mapping(observe(account, NOW + 140), held).original is None


def test_the_last_quota_request(account: AwsAccount, standin: StandIn) -> None:
    standin.state.quota_requested({"ServiceCode": "l", "QuotaCode": "q", "DesiredValue": 1500.0})
    standin.state.approve()
    standin.state.quota_requested({"ServiceCode": "l", "QuotaCode": "q", "DesiredValue": 3000.0})
    seen = observe(account).account
    assert seen is not None
    assert seen.limit == 1500
    assert seen.quota_request is not None
    assert (seen.quota_request.status, seen.quota_request.desired) == ("PENDING", 3000)


def test_quota_requests_that_nobody_wants_to_know_of(account: AwsAccount, standin: StandIn) -> None:
    account.observe(IDLE, NOW, quota=False)
    assert not any(action.startswith("servicequotas:") for action in standin.asked)
