"""Asking AWS for a higher limit of the account."""

from dataclasses import replace

import pytest
from msgspec import structs

from governor.controller.actions import AskForMore
from governor.controller.memory import Asked
from governor.controller.observed import QuotaRequest
from governor.controller.plan import Plan, plan
from governor.policy import Raise
from governor.resolver import Resolver
from tests.controller.worlds import World, policy, reasons

RULE = Raise(when_above=0.8, up_to=5000, for_s=600, by=1.5, cooldown_s=86_400)


def busy(rule: Raise | None = RULE, *, in_use: int = 850) -> World:
    """A world above the line."""
    rules = policy({})
    account = structs.replace(rules.account, raise_=rule)
    return World(structs.replace(rules, account=account), in_use={"api": in_use})


def asked(plans: list[Plan]) -> list[AskForMore]:
    """What AWS was asked for."""
    return [each for planned in plans for each in planned.actions if isinstance(each, AskForMore)]


def answered(world: World, status: str, desired: int) -> Plan:
    """The plan when AWS shows a request."""
    observed = world.observed()
    assert observed.account is not None
    request = QuotaRequest("r", status, desired)
    account = replace(observed.account, quota_request=request)
    return plan(Resolver(world.policy), replace(observed, account=account), world.memory)


def test_sustained_use_asks_once_and_says_why() -> None:
    world = busy()
    assert asked(world.cycles(600)) == []
    (request,) = asked(world.cycles(3600))
    assert request.desired == 1500
    assert (
        request.reason
        == "account: 1,000 → 1,500: 850 of 1,000 in use, the line is at 800, for 600 s"
    )


def test_it_is_off_unless_the_policy_asks_for_it() -> None:
    assert asked(busy(None).cycles(3600)) == []


def test_a_lull_starts_the_time_anew() -> None:
    world = busy()
    for _ in range(4):
        assert asked(world.cycles(590)) == []
        world.in_use = {"api": 100}
        world.cycle()
        world.in_use = {"api": 850}


def test_what_is_set_aside_is_claimed_too() -> None:
    world = busy(in_use=700)
    assert asked(world.cycles(1200)) == []
    observed = world.observed()
    assert observed.account is not None
    account = replace(observed.account, unreserved=800)
    memory = replace(world.memory, above_since_s=0.0)
    assert asked([plan(Resolver(world.policy), replace(observed, account=account), memory)])


@pytest.mark.parametrize("status", ["PENDING", "CASE_OPENED", "APPROVED", "DENIED", "NOT_APPROVED"])
def test_what_was_asked_is_not_asked_again_even_without_memory(status: str) -> None:
    world = busy()
    world.memory = replace(world.memory, above_since_s=0.0)
    planned = answered(world, status, 1500)
    assert asked([planned]) == []
    assert status in reasons(planned)[-1]


def test_an_open_request_outlives_the_cooldown() -> None:
    world = busy()
    world.memory = replace(world.memory, above_since_s=0.0, asked=Asked(1500, 0.0))
    assert asked([answered(world, "PENDING", 1500)]) == []
    assert asked([world.plan()])


def test_an_old_request_that_is_in_force_keeps_nobody_from_asking() -> None:
    world = busy()
    world.memory = replace(world.memory, above_since_s=0.0)
    assert asked([answered(world, "APPROVED", 1000)])


def test_after_the_cooldown_it_may_ask_for_more_than_before() -> None:
    world = busy()
    world.memory = replace(world.memory, above_since_s=0.0, asked=Asked(1500, world.at_s - 86_399))
    assert asked([world.plan()]) == []
    assert "the cooldown is 86,400 s" in reasons(world.plan())[-1]
    world.at_s += 1
    assert asked([world.plan()])


def test_it_never_asks_for_more_than_the_policy_says() -> None:
    world = busy(structs.replace(RULE, up_to=1200))
    (request,) = asked(world.cycles(1000))
    assert request.desired == 1200
    world = busy(structs.replace(RULE, up_to=1000))
    assert asked(world.cycles(1000)) == []


def test_a_request_that_was_not_sent_is_made_again() -> None:
    world = busy()
    world.memory = replace(world.memory, above_since_s=0.0)
    planned = world.plan()
    world.memory = planned.memory.unsent(planned.actions[0])
    assert asked([world.plan()])
