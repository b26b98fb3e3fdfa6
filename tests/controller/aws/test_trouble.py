"""What a snapshot says when AWS does not answer as it should: partial, never wrong."""

import time

import pytest

from governor.controller.actions import Result, Turn
from governor.controller.aws.account import AwsAccount
from governor.controller.observed import Knobs, Observed
from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.lacking import refusal
from governor.demo.aws.standin import StandIn, Trouble, hang_up
from governor.demo.ports import free_ports
from governor.errors import SettingsError
from governor.model import ACCOUNT, ScopeCount

NOW = time.time() // 60 * 60 + 30
IDLE = {ACCOUNT: ScopeCount()}
PARTS = {
    "lambda:ListEventSourceMappings",
    "lambda:GetAccountSettings",
    "lambda:GetFunction",
    "sqs:GetQueueAttributes",
    "cloudwatch:GetMetricData",
}


def lacks(observed: Observed) -> set[str]:
    """The parts of a snapshot of one fed function that are not there."""
    parts = {
        "lambda:ListEventSourceMappings": observed.mappings is None,
        "lambda:GetAccountSettings": observed.account is None,
        "lambda:GetFunction": not observed.functions,
        "sqs:GetQueueAttributes": not observed.queues,
        "cloudwatch:GetMetricData": observed.ungoverned is None,
    }
    return {action for action, missing in parts.items() if missing}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            "lambda:ListEventSourceMappings",
            {"lambda:ListEventSourceMappings", "sqs:GetQueueAttributes"},
        ),
        ("lambda:GetAccountSettings", {"lambda:GetAccountSettings"}),
        ("lambda:GetFunction", {"lambda:GetFunction"}),
        ("sqs:GetQueueAttributes", {"sqs:GetQueueAttributes"}),
        ("cloudwatch:GetMetricData", {"cloudwatch:GetMetricData"}),
        ("tag:GetResources", set()),
        ("servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota", set()),
    ],
)
def test_a_missing_permission_is_named(
    fleet: Fleet, standin: StandIn, account: AwsAccount, action: str, expected: set[str]
) -> None:
    fleet.fed("etl")
    standin.deny(action)
    observed = account.observe(IDLE | {"function:etl": ScopeCount()}, NOW)
    readings = 2 if action == "tag:GetResources" else 1  # originals, and the functions' tags
    assert len(observed.missing) == account.calls[action, "denied"] == readings
    for sentence in observed.missing:
        assert f"grant {action}" in sentence
        assert "is not authorized to perform" in sentence
    assert lacks(observed) == expected


def test_a_permission_that_has_been_granted(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl")
    standin.deny("*")
    assert len(account.observe(IDLE, NOW).missing) == 6
    standin.heal()
    observed = account.observe(IDLE, NOW + 10)
    assert (observed.missing, lacks(observed)) == ((), set())


def test_wrong_credentials(fleet: Fleet, standin: StandIn, account: AwsAccount) -> None:
    fleet.fed("etl")
    message = "The security token included in the request is invalid."
    standin.trouble("*", lambda _: refusal(403, "UnrecognizedClientException", message))
    observed = account.observe(IDLE, NOW)
    assert lacks(observed) >= {"lambda:ListEventSourceMappings", "lambda:GetAccountSettings"}
    assert "does not take the credentials" in observed.missing[0]
    assert len(standin.asked) == 1, "the others would say the same"


def test_no_credentials(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bare = AwsAccount()
    observed = bare.observe(IDLE, NOW)
    bare.close()
    assert "there are no AWS credentials" in observed.missing[0]
    assert standin.asked == []


def test_no_region(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SettingsError, match="AWS_DEFAULT_REGION"):
        AwsAccount()
    assert standin.asked == []


def test_429_to_everything(fleet: Fleet, standin: StandIn, account: AwsAccount) -> None:
    uuids = [fleet.fed(f"etl-{number}") for number in range(5)]
    standin.throttle()
    observed = account.observe(IDLE, NOW)
    assert lacks(observed) == PARTS
    assert any("was throttled by AWS" in sentence for sentence in observed.missing)
    most = max(standin.counted().values())
    assert most <= 2, "one retry, then every service is left in peace"
    standin.heal()
    observed = account.observe(IDLE, NOW + 10)
    assert observed.mappings is not None
    assert sorted(each.uuid for each in observed.mappings) == sorted(uuids)
    assert observed.missing == ()


def test_queues_that_throttle_are_known_for_a_while(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl", messages=1)
    account.observe(IDLE, NOW)
    standin.throttle("sqs:*")
    observed = account.observe(IDLE, NOW + 10)
    assert len(observed.queues) == 1
    assert any("sqs:GetQueueAttributes" in sentence for sentence in observed.missing)
    observed = account.observe(IDLE, NOW + 200)
    assert observed.queues == {}


@pytest.mark.parametrize(
    "outage", [hang_up, lambda _: refusal(503, "ServiceException", "An error occurred")]
)
def test_lambda_is_down(
    fleet: Fleet, standin: StandIn, account: AwsAccount, outage: Trouble
) -> None:
    fleet.fed("etl")
    standin.trouble("lambda:*", outage)
    observed = account.observe(IDLE, NOW)
    assert (observed.mappings, observed.account, observed.ungoverned) == (None, None, 0)
    assert standin.counted()["lambda:ListEventSourceMappings"] == 2
    assert standin.counted()["lambda:GetAccountSettings"] == 0, "the same service"
    assert account.calls["lambda:ListEventSourceMappings", "unanswered"] == 1


def test_half_a_list_is_none(fleet: Fleet, standin: StandIn, account: AwsAccount) -> None:
    fleet.function("etl")
    queue = fleet.queue("etl-queue")
    for _ in range(150):
        fleet.mapping("etl", queue)
    standin.trouble(
        "lambda:ListEventSourceMappings",
        lambda request: (
            refusal(500, "ServiceException", "An error occurred")
            if "Marker" in request.query
            else None
        ),
    )
    assert account.observe(IDLE, NOW).mappings is None


@pytest.mark.usefixtures("standin")
def test_a_region_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    nowhere = AwsAccount()
    observed = nowhere.observe(IDLE, NOW)
    nowhere.close()
    assert (observed.mappings, observed.account, observed.ungoverned) == (None, None, None)
    assert "AWS can't be reached" in observed.missing[0]


def test_a_slow_service(fleet: Fleet, standin: StandIn, account: AwsAccount) -> None:
    fleet.fed("etl")
    standin.slow_down("cloudwatch:*", 2.5)  # longer than the account waits
    observed = account.observe(IDLE, NOW)
    assert lacks(observed) == {"cloudwatch:GetMetricData"}
    assert any("AWS does not answer" in sentence for sentence in observed.missing)


def test_queues_that_are_gone(fleet: Fleet, standin: StandIn, account: AwsAccount) -> None:
    for number in range(6):
        fleet.fed(f"etl-{number}")
    for number in range(5):
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:etl-{number}-queue"
        fleet.queues.delete_queue(QueueUrl=fleet.url(arn))
    for later_s in (0, 10):
        observed = account.observe(IDLE, NOW + later_s)
        assert list(observed.queues) == [f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:etl-5-queue"]
        (sentence,) = observed.missing
        assert sentence.startswith("queue etl-0-queue, etl-1-queue, etl-2-queue and 2 more: ")
        assert "does not exist" in sentence
    assert standin.counted()["sqs:GetQueueAttributes"] == 7, "only the sixth is asked twice"


def test_a_policy_for_a_function_that_is_none(account: AwsAccount) -> None:
    observed = account.observe(IDLE | {"function:nobody": ScopeCount()}, NOW)
    assert observed.functions == {}
    (sentence,) = observed.missing
    assert sentence.startswith("function nobody: lambda:GetFunction: it does not exist")


def test_a_function_that_may_be_read_at_last(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl")
    standin.deny("lambda:GetFunction")
    assert account.observe(IDLE, NOW).functions == {}
    standin.heal()
    observed = account.observe(IDLE, NOW + 10)
    assert (observed.functions, len(observed.missing)) == ({}, 1), "not asked again at once"
    observed = account.observe(IDLE, NOW + 70)
    assert (set(observed.functions), observed.missing) == ({"etl"}, ())


def test_a_clock_that_was_set_back(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl")
    account.observe(IDLE, NOW)
    fleet.fed("other")
    observed = account.observe(IDLE, NOW - 7200)
    assert set(observed.functions) == {"etl", "other"}
    assert len(observed.queues) == 2


def test_a_mapping_that_is_deleted_in_mid_cycle(fleet: Fleet, account: AwsAccount) -> None:
    fleet.fed("etl")
    (seen,) = account.observe(IDLE, NOW).mappings or ()
    fleet.functions.delete_event_source_mapping(UUID=seen.uuid)
    cut = Knobs(max_concurrency=5)
    turn = Turn(seen.uuid, seen.arn, "etl", seen.knobs, cut, seen.knobs, "")
    outcome = account.apply(turn)
    assert outcome.result is Result.FAILED
    assert outcome.detail.startswith(f"mapping {seen.uuid} of etl is gone: ")
    assert account.observe(IDLE, NOW + 10).mappings == ()


def test_a_tag_that_someone_edited(fleet: Fleet, account: AwsAccount, standin: StandIn) -> None:
    fleet.fed("etl")
    (seen,) = account.observe(IDLE, NOW).mappings or ()
    standin.state.tags[seen.arn] = {"governor:original": "forty-two"}
    observed = account.observe(IDLE, NOW + 70)
    assert [each.original for each in observed.mappings or ()] == [None]
    assert "'forty-two'; remove it or put it right" in observed.missing[0]
