"""What an action does to the account, and what becomes of the original."""

import time
from dataclasses import replace

import pytest

from governor.controller.actions import Brake, Result
from governor.controller.aws.account import AwsAccount
from governor.controller.observed import Knobs
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer, refusal
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn, hang_up
from tests.controller.aws.mappings import DONE, KEY, NOW, seen, turn
from tests.stores import wait_until

PLAIN = "enabled=true max_concurrency=none max_pollers=none batch_size=10 window_s=0"


def test_a_maximum_and_back(fleet: Fleet, account: AwsAccount) -> None:
    uuid = fleet.fed("etl")
    mapping = seen(account)
    assert account.apply(turn(mapping, Knobs(max_concurrency=7))) == DONE
    assert fleet.state(uuid)["ScalingConfig"] == {"MaximumConcurrency": 7}
    assert fleet.tags(mapping.arn) == {KEY: PLAIN}
    mapping = seen(account, NOW + 10)
    assert (mapping.knobs, mapping.original) == (Knobs(max_concurrency=7), Knobs())
    assert account.apply(turn(mapping, Knobs())) == DONE
    assert fleet.state(uuid)["ScalingConfig"] == {}
    assert fleet.tags(mapping.arn) == {}
    mapping = seen(account, NOW + 20)
    assert (mapping.knobs, mapping.original) == (Knobs(), None)


def test_the_tag_comes_before_the_change(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    uuid = fleet.fed("etl")
    mapping = seen(account)
    standin.fail("lambda:TagResource")
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=7)))
    assert outcome.result is Result.DEFERRED
    assert "ScalingConfig" not in fleet.state(uuid)
    assert "lambda:UpdateEventSourceMapping" not in standin.asked


def test_a_second_change_leaves_the_original(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    fleet.fed("etl", ScalingConfig={"MaximumConcurrency": 50})
    account.apply(turn(seen(account), Knobs(max_concurrency=20)))
    mapping = seen(account, NOW + 10)
    before = len(standin.asked)
    account.apply(turn(mapping, Knobs(max_concurrency=10)))
    assert standin.asked[before:] == ["lambda:UpdateEventSourceMapping"]
    assert "max_concurrency=50" in fleet.tags(mapping.arn)[KEY]
    assert seen(account, NOW + 20).original == Knobs(max_concurrency=50)


def test_a_tag_that_the_plan_knew_nothing_of_wins(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    uuid = fleet.fed("etl", ScalingConfig={"MaximumConcurrency": 20})
    standin.deny("tag:GetResources")
    mapping = seen(account)
    fleet.functions.tag_resource(Resource=mapping.arn, Tags={KEY: PLAIN})
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=10)))
    assert outcome.result is Result.DEFERRED
    assert "another original" in outcome.detail
    assert fleet.state(uuid)["ScalingConfig"] == {"MaximumConcurrency": 20}
    assert seen(account, NOW + 10).original == Knobs()


def test_the_index_of_tags_is_behind(fleet: Fleet, account: AwsAccount, standin: StandIn) -> None:
    fleet.fed("etl")
    account.apply(turn(seen(account), Knobs(max_concurrency=7)))
    nothing = Answer(200, {"PaginationToken": "", "ResourceTagMappingList": []})
    standin.trouble("tag:GetResources", lambda _: nothing)
    mapping = seen(account, NOW + 70)
    assert mapping.original == Knobs()
    account.apply(turn(mapping, Knobs()))
    standin.heal()
    standin.state.tags[mapping.arn] = {KEY: PLAIN}
    assert seen(account, NOW + 140).original is None


def test_a_new_leader_reads_originals_from_tags(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl")
    account.apply(turn(seen(account), Knobs(max_concurrency=7)))
    fleet.function("async")
    account.apply(Brake("async", None, 30, ""))
    another = AwsAccount(lambda_per_s=200)
    observed = another.observe({}, NOW)  # its store is empty too
    another.close()
    assert [each.original for each in observed.mappings or ()] == [Knobs()]
    facts = observed.functions["async"]
    assert (facts.reserved, facts.braked, facts.original_reserved) == (30, True, None)


def test_a_left_over_tag(fleet: Fleet, account: AwsAccount, standin: StandIn) -> None:
    fleet.fed("etl")
    account.apply(turn(seen(account), Knobs(max_concurrency=7)))
    standin.fail("lambda:UntagResource")
    mapping = seen(account, NOW + 10)
    outcome = account.apply(turn(mapping, Knobs()))
    assert outcome.result is Result.DONE
    assert "the tag is left for now" in outcome.detail
    standin.heal()
    mapping = seen(account, NOW + 20)
    assert (mapping.knobs, mapping.original) == (Knobs(), Knobs())
    before = len(standin.asked)
    assert account.apply(turn(mapping, Knobs())) == DONE
    assert standin.asked[before:] == ["lambda:UntagResource"]
    assert fleet.tags(mapping.arn) == {}


def test_pause_and_resume(fleet: Fleet, account: AwsAccount) -> None:
    uuid = fleet.fed("etl")
    account.apply(turn(seen(account), Knobs(enabled=False)))
    assert fleet.state(uuid)["State"] == "Disabled"
    mapping = seen(account, NOW + 10)
    assert (mapping.knobs.enabled, mapping.settled) == (False, True)
    account.apply(turn(mapping, Knobs()))
    assert fleet.state(uuid)["State"] == "Enabled"


def test_larger_batches_come_with_a_window(fleet: Fleet, account: AwsAccount) -> None:
    uuid = fleet.fed("etl")
    assert account.apply(turn(seen(account), Knobs(batch_size=100, window_s=5))) == DONE
    state = fleet.state(uuid)
    assert (state["BatchSize"], state["MaximumBatchingWindowInSeconds"]) == (100, 5)


def test_provisioned_pollers(fleet: Fleet, account: AwsAccount) -> None:
    config = {"MinimumPollers": 3, "MaximumPollers": 30}
    uuid = fleet.fed("etl", ProvisionedPollerConfig=config)
    assert account.apply(turn(seen(account), Knobs(max_pollers=4))) == DONE
    state = fleet.state(uuid)
    assert state["ProvisionedPollerConfig"] == {"MinimumPollers": 3, "MaximumPollers": 4}
    assert "ScalingConfig" not in state


def test_provisioned_mode_excludes_a_maximum(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    fleet.fed("etl", ProvisionedPollerConfig={"MinimumPollers": 3, "MaximumPollers": 30})
    mapping = seen(account)
    before = len(standin.asked)
    outcome = account.apply(turn(mapping, Knobs(max_pollers=4, max_concurrency=10)))
    assert outcome.result is Result.FAILED
    assert standin.asked[before:] == []


def test_an_update_takes_its_time(fleet: Fleet, account: AwsAccount, standin: StandIn) -> None:
    standin.state.settle_s = 0.5
    fleet.fed("etl")
    account.apply(turn(seen(account), Knobs(max_concurrency=7)))
    mapping = seen(account, NOW + 10)
    assert (mapping.knobs.max_concurrency, mapping.settled) == (7, False)
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=5)))
    assert outcome.result is Result.DEFERRED
    assert "busy with an earlier change" in outcome.detail
    assert account.calls["lambda:UpdateEventSourceMapping", "busy"] == 1
    times = iter(range(20, 1000))
    wait_until(lambda: seen(account, NOW + next(times)).settled, "the update has settled")
    assert account.apply(turn(mapping, Knobs(max_concurrency=5))) == DONE


def test_a_change_is_known_before_the_next_list(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    standin.state.settle_s = 60
    fleet.fed("etl")
    account.apply(turn(seen(account), Knobs(max_concurrency=7)))
    mapping = seen(account, NOW)
    assert (mapping.knobs.max_concurrency, mapping.settled) == (7, False)
    assert standin.counted()["lambda:ListEventSourceMappings"] == 1


def test_429_defers(fleet: Fleet, account: AwsAccount, standin: StandIn) -> None:
    uuid = fleet.fed("etl")
    mapping = seen(account)
    standin.throttle("lambda:Update*")
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=7)))
    assert outcome.result is Result.DEFERRED
    assert "was throttled by AWS" in outcome.detail
    asked = len(standin.asked)
    assert account.apply(turn(mapping, Knobs(max_concurrency=8))).result is Result.DEFERRED
    assert standin.asked[asked:] == [], "Lambda is left in peace for this cycle"
    standin.heal()
    assert account.apply(turn(seen(account, NOW + 10), Knobs(max_concurrency=7))) == DONE
    assert fleet.state(uuid)["ScalingConfig"] == {"MaximumConcurrency": 7}


def test_an_empty_budget_defers(fleet: Fleet, standin: StandIn) -> None:
    fleet.fed("etl")
    slow = AwsAccount(lambda_per_s=0.5)
    mapping = seen(slow)
    outcomes = [
        slow.apply(turn(mapping, Knobs(max_concurrency=count))) for count in range(20, 10, -1)
    ]
    calls = slow.calls
    slow.close()
    assert outcomes[0] == DONE
    assert outcomes[-1].result is Result.DEFERRED
    assert "the budget of API calls is used up" in outcomes[-1].detail
    assert calls["lambda:UpdateEventSourceMapping", "withheld"] >= 1
    assert standin.counted()["lambda:UpdateEventSourceMapping"] < 10


def test_a_missing_permission_fails_and_is_named(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    fleet.fed("etl")
    mapping = seen(account)
    standin.deny("lambda:UpdateEventSourceMapping")
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=7)))
    assert outcome.result is Result.FAILED
    assert "grant lambda:UpdateEventSourceMapping" in outcome.detail


def test_a_value_that_aws_does_not_take(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl")
    outcome = account.apply(turn(seen(account), Knobs(batch_size=100)))
    assert outcome.result is Result.FAILED
    assert "Maximum batch window" in outcome.detail


def test_an_answer_that_is_lost_may_be_a_change(
    fleet: Fleet, account: AwsAccount, standin: StandIn
) -> None:
    standin.state.settle_s = 60
    uuid = fleet.fed("etl")
    mapping = seen(account)

    def done_but_not_said(request: Request) -> Answer:
        standin.heal()
        fleet.functions.update_event_source_mapping(
            UUID=uuid, ScalingConfig={"MaximumConcurrency": 7}
        )
        standin.state.update_refused(uuid, {"BatchSize": 10}, {})
        return hang_up(request)

    standin.trouble("lambda:Update*", done_but_not_said)
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=7)))
    assert outcome.result is Result.DONE
    assert "may have been done" in outcome.detail
    assert seen(account, NOW + 10).knobs == Knobs(max_concurrency=7)


def test_an_outage_may_hide_a_change(fleet: Fleet, account: AwsAccount, standin: StandIn) -> None:
    fleet.fed("etl")
    mapping = seen(account)
    standin.trouble("lambda:Update*", lambda _: refusal(500, "ServiceException", "oh"))
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=7)))
    assert outcome.result is Result.DONE
    assert "failed in AWS" in outcome.detail


@pytest.mark.parametrize(("left_s", "tagged"), [(0.0, False), (0.5, True)])
def test_nothing_is_begun_once_the_lease_has_ended(
    fleet: Fleet, account: AwsAccount, standin: StandIn, left_s: float, *, tagged: bool
) -> None:
    uuid = fleet.fed("etl")
    mapping = seen(account)
    standin.slow_down("lambda:TagResource", 1.0)
    outcome = account.apply(turn(mapping, Knobs(max_concurrency=7)), time.monotonic() + left_s)
    assert outcome.result is Result.DEFERRED
    assert "the leader's lease had ended" in outcome.detail
    assert bool(fleet.tags(mapping.arn)) == tagged
    assert "lambda:UpdateEventSourceMapping" not in standin.asked
    assert not fleet.state(uuid).get("ScalingConfig")
    assert account.apply(turn(mapping, Knobs(max_concurrency=7))) == DONE


@pytest.mark.parametrize(
    "knobs",
    [
        Knobs(),
        Knobs(enabled=False, max_concurrency=1000, batch_size=10_000, window_s=300),
        Knobs(max_pollers=2000),
    ],
)
def test_any_original_survives_as_a_tag(
    fleet: Fleet, account: AwsAccount, standin: StandIn, knobs: Knobs
) -> None:
    fleet.fed("etl")
    mapping = seen(account)
    account.apply(turn(mapping, Knobs(max_concurrency=7), original=knobs))
    another = AwsAccount(lambda_per_s=200)
    assert seen(another).original == knobs
    another.close()
    assert len(standin.state.tags[mapping.arn][KEY]) <= 256
    assert replace(mapping, original=None) == mapping
