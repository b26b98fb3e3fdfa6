"""What a brake does to a function, and what asking for more does to the account's quota."""

from governor.controller.actions import AskForMore, Brake, Result
from governor.controller.aws.account import AwsAccount
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.standin import StandIn
from governor.model import ScopeCount
from tests.controller.aws.mappings import DONE, IDLE, KEY, NOW


def test_the_brake_and_back(fleet: Fleet, account: AwsAccount) -> None:
    arn = fleet.function("async")
    scopes = IDLE | {"function:async": ScopeCount()}
    account.observe(scopes, NOW)
    for reserved in (30, 40):
        assert account.apply(Brake("async", None, reserved, "")) == DONE
        assert fleet.tags(arn) == {KEY: "reserved=none"}
        facts = account.observe(scopes, NOW + reserved).functions["async"]
        assert (facts.reserved, facts.braked, facts.original_reserved) == (reserved, True, None)
    assert account.apply(Brake("async", 40, None, "")) == DONE
    assert fleet.tags(arn) == {}
    observed = account.observe(scopes, NOW + 50)
    facts = observed.functions["async"]
    assert (facts.reserved, facts.braked) == (None, False)
    assert observed.account is not None
    assert observed.account.unreserved == 1000


def test_the_brake_goes_back_to_what_was_reserved(fleet: Fleet, account: AwsAccount) -> None:
    arn = fleet.function("async")
    account.apply(Brake("async", 80, 30, ""))
    assert fleet.tags(arn) == {KEY: "reserved=80"}
    account.apply(Brake("async", 30, 80, ""))
    assert fleet.tags(arn) == {}
    found = fleet.functions.get_function_concurrency(FunctionName="async")
    assert found["ReservedConcurrentExecutions"] == 80


def test_the_brake_never_eats_the_unreserved_floor(fleet: Fleet, account: AwsAccount) -> None:
    fleet.function("async")
    outcome = account.apply(Brake("async", None, 950, ""))
    assert outcome.result is Result.FAILED
    assert "below its minimum value of [100]" in outcome.detail


def test_the_brake_of_a_function_that_is_none(account: AwsAccount) -> None:
    outcome = account.apply(Brake("nobody", None, 10, ""))
    assert outcome.result is Result.FAILED
    assert outcome.detail.startswith("function nobody is gone: ")


def test_more_is_asked_for_once(account: AwsAccount, standin: StandIn) -> None:
    account.observe(IDLE, NOW)
    assert account.apply(AskForMore(1500, "")) == DONE
    (request,) = standin.state.requests
    assert (request["ServiceCode"], request["QuotaCode"]) == ("lambda", "L-B99A9384")
    assert request["DesiredValue"] == 1500
    again = account.apply(AskForMore(1500, ""))
    assert again.result is Result.DONE
    assert "open already" in again.detail
    assert len(standin.state.requests) == 1
    facts = account.observe(IDLE, NOW + 1).account
    assert facts is not None
    assert facts.quota_request is not None
    assert facts.quota_request.status == "PENDING"
    standin.state.approve()
    facts = account.observe(IDLE, NOW + 70).account
    assert facts is not None
    assert facts.limit == 1500
    assert facts.quota_request is not None
    assert facts.quota_request.status == "APPROVED"
