"""What a snapshot and an action come to when AWS answers nonsense."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from governor.controller.actions import Result, Turn
from governor.controller.aws.account import AwsAccount
from governor.controller.observed import Knobs, Observed
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.standin import StandIn
from governor.model import ACCOUNT, ScopeCount

NOW = time.time() // 60 * 60 + 30
SCOPES = {ACCOUNT: ScopeCount(), "function:etl": ScopeCount(in_use=1)}


@dataclass(frozen=True, slots=True)
class Raw(Answer):
    """An answer whose body is as it stands."""

    @property
    def content(self) -> bytes:
        """The body."""
        return bytes(self.body)


GARBAGE = {
    "a page": b"<html><body>Please log in.</body></html>",
    "nothing": b"",
    "half": b'{"EventSourceMappings": [{"UUID": ',
    "null": b"null",
    "a list": b"[1, 2]",
    "other fields": b'{"a": 1}',
    "wrong types": b'{"EventSourceMappings": 7, "AccountLimit": 7, "Configuration": 7, '
    b'"Attributes": 7, "MetricDataResults": 7, "ResourceTagMappingList": 7, "RequestedQuotas": 7}',
    "empty things": b'{"EventSourceMappings": [{}], "AccountLimit": {}, "Configuration": {}, '
    b'"Attributes": {}, "MetricDataResults": [{}], "ResourceTagMappingList": [{}], '
    b'"RequestedQuotas": [{}]}',
}
PARTS: dict[str, Callable[[Observed], bool]] = {
    "lambda:ListEventSourceMappings": lambda seen: seen.mappings is None or seen.mappings == (),
    "lambda:GetAccountSettings": lambda seen: seen.account is None,
    "lambda:GetFunction": lambda seen: not seen.functions,
    "sqs:GetQueueAttributes": lambda seen: not seen.queues,
    "cloudwatch:GetMetricData": lambda seen: seen.ungoverned is None,
    "tag:GetResources": lambda seen: seen.tags is None,
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota": lambda _: False,
}
FOLLOWS = {"lambda:ListEventSourceMappings": {"sqs:GetQueueAttributes"}}
"""What can't be asked for without another part."""

READINGS = {"tag:GetResources": 2}
"""How many things are read by a part, if more than one: originals, and the functions' tags."""

CUT = Knobs(max_concurrency=5)


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("action", PARTS)
def test_what_makes_no_sense_is_told_and_the_rest_is_seen(
    fleet: Fleet, standin: StandIn, account: AwsAccount, action: str, garbage: bytes
) -> None:
    fleet.fed("etl")
    standin.trouble(action, lambda _: Raw(200, garbage))
    observed = account.observe(SCOPES, NOW)
    if not (action == "lambda:ListEventSourceMappings" and b"[{}]" in garbage):  # is no queue's
        assert len(observed.missing) == READINGS.get(action, 1)
        for sentence in observed.missing:
            assert f"{action}: what was answered makes no sense" in sentence
        assert account.calls[action, "nonsense"] == READINGS.get(action, 1)
    lacking = {part for part, lacks in PARTS.items() if lacks(observed)}
    assert lacking <= {action} | FOLLOWS.get(action, set())
    standin.heal()
    assert account.observe(SCOPES, NOW + 70).missing == ()


def test_a_change_whose_answer_makes_no_sense_may_have_been_done(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl")
    (seen,) = account.observe(SCOPES, NOW).mappings or ()
    standin.trouble("lambda:UpdateEventSourceMapping", lambda _: Raw(200, GARBAGE["a page"]))
    outcome = account.apply(Turn(seen.uuid, seen.arn, "etl", seen.knobs, CUT, seen.knobs, ""))
    assert outcome.result is Result.DONE
    assert "makes no sense" in outcome.detail
    assert [each.knobs for each in account.observe(SCOPES, NOW + 10).mappings or ()] == [seen.knobs]


def test_nothing_is_changed_if_the_original_can_not_be_made_out(
    fleet: Fleet, standin: StandIn, account: AwsAccount
) -> None:
    fleet.fed("etl")
    (seen,) = account.observe(SCOPES, NOW).mappings or ()
    standin.trouble("lambda:ListTags", lambda _: Raw(200, GARBAGE["a list"]))
    outcome = account.apply(Turn(seen.uuid, seen.arn, "etl", seen.knobs, CUT, seen.knobs, ""))
    assert outcome.result is Result.DEFERRED
    assert not fleet.tags(seen.arn)
    assert standin.counted()["lambda:UpdateEventSourceMapping"] == 0
