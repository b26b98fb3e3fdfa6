"""Waves in an account of moto's: each is looked at, and put back if it does harm."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from governor.aws.calls import Calls
from governor.aws.errors import DeniedError, ThrottledError
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn
from governor.fleet.attachment import toward_attached, toward_detached
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.configuring import Configuring
from governor.fleet.aws.listing import listed
from governor.fleet.aws.turn import Turn
from governor.fleet.configuration import Wanted
from governor.fleet.health import Health
from governor.fleet.rollout import Decide, Pace, Rolling, Rollout
from governor.fleet.stepping import Result
from tests.fleet.account import several, snapshot
from tests.fleet.rolling import attached_ones, attaching, fine


def test_waves_grow_and_each_is_looked_at(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 20)
    looked: list[tuple[int, int]] = []

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        if end_s - start_s < 3000:
            looked.append((len(watched), len(attached_ones(fleet, names))))
        return fine(watched, start_s, end_s)

    assert roll_out(attaching(layer), Pace(0.05, 0.05), vitals).is_complete
    assert list(dict.fromkeys(looked)) == [(1, 1), (5, 6), (14, 20)]


def test_a_wave_that_does_harm_is_put_back_and_no_other_follows(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 20)
    before = snapshot(fleet, names)

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        worse = len(watched) > 1 and end_s - start_s < 3000
        return Health(100, 50 if worse else 0, 1000.0)

    rollout = roll_out(attaching(layer), Pace(0.05, 0.05), vitals)
    assert "50.0% of 100 invocations failed" in rollout.stopped
    assert len(rollout.outcomes) == 6
    assert [each.result for each in rollout.rolled_back] == [Result.CHANGED] * 5
    assert len(rollout.waiting) == 14
    assert not rollout.is_complete
    (survivor,) = attached_ones(fleet, names)
    after = snapshot(fleet, names)
    assert {name for name in names if before[name] != after[name]} == {survivor}


def test_the_wave_of_a_run_that_was_killed_is_watched_before_there_is_more(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 4)
    roll_out(lambda now: attaching(layer)(now) if now.name == names[0] else toward_detached(now))

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        if end_s - start_s > 3000:
            return fine(watched, start_s, end_s)
        assert watched == [names[0]]
        return Health(100, 50, 1000.0)

    rollout = roll_out(attaching(layer), Pace(0.05, 60), vitals)
    assert "interrupted" in rollout.stopped
    assert attached_ones(fleet, names) == names[:1]
    assert set(rollout.waiting) == set(names[1:])


def test_a_later_wave_is_watched_too_when_its_run_was_killed(
    fleet: Fleet, layer: str, clients: Clients, calls: Calls
) -> None:
    names = several(fleet, 3)
    began: list[int] = []

    def dies(watched: list[str], start_s: float, end_s: float) -> Health:
        if len(watched) > 1 and end_s - start_s < 3000:
            raise KeyboardInterrupt
        return fine(watched, start_s, end_s)

    def deciding(at_s: int) -> Decide:
        began.append(at_s)
        return attaching(layer, at_s)

    def rolled(vitals: Any) -> Rollout:
        with Turn(clients, calls, contest_s=0.1) as turn:
            rolling = Rolling(Configuring(clients, calls), vitals, turn, lambda *_: None)
            return rolling.roll_out(listed(clients, calls).functions, deciding, Pace(0.05, 1.5))

    with pytest.raises(KeyboardInterrupt):
        rolled(dies)
    assert len(set(began)) > 1, "each wave has a time of its own"
    fleet.function("f-more")
    looked: list[set[str]] = []

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        looked.append(set(watched))
        return fine(watched, start_s, end_s)

    assert rolled(vitals).is_complete
    assert looked[1] >= set(names[1:])


def test_what_can_not_be_watched_is_not_begun(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 3)

    def blind(*_: object) -> Health:
        raise DeniedError("cloudwatch:GetMetricData is not permitted")

    with pytest.raises(DeniedError):
        roll_out(attaching(layer), Pace(0.05, 0.05), blind)
    assert attached_ones(fleet, names) == []
    assert "lambda:TagResource" not in standin.asked


def test_what_can_not_be_watched_any_more_is_put_back(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 8)
    before = snapshot(fleet, names)

    def blinded(watched: list[str], start_s: float, end_s: float) -> Health:
        if len(watched) > 1:
            raise ThrottledError("cloudwatch:GetMetricData was throttled")
        return fine(watched, start_s, end_s)

    rollout = roll_out(attaching(layer), Pace(0.05, 0.05), blinded)
    assert "cloudwatch:GetMetricData was throttled" in rollout.stopped
    assert attached_ones(fleet, names) == names[:1]
    assert [each.result for each in rollout.rolled_back] == [Result.CHANGED] * 5
    assert len(rollout.waiting) == 2
    after = snapshot(fleet, names)
    assert {name for name in names if before[name] != after[name]} == {names[0]}


def test_a_rollback_that_fails_is_told(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 3)

    def worse(watched: list[str], start_s: float, end_s: float) -> Health:
        if attached_ones(fleet, watched):
            standin.deny("lambda:UpdateFunctionConfiguration")
        return Health(100, 50 if end_s - start_s < 3000 else 0, 1000.0)

    rollout = roll_out(attaching(layer), Pace(0.05, 0.05), worse)
    assert rollout.quiet == ()
    (stuck,) = rollout.rolled_back
    assert (stuck.name, stuck.result) == (names[0], Result.LEFT)
    assert "grant lambda:UpdateFunctionConfiguration" in stuck.reason


def no_tags(_: Request) -> Answer:
    """The tagging service's index, before it knows of any."""
    return Answer(200, {"ResourceTagMappingList": []})


def test_an_index_that_is_behind_lets_no_wave_be_skipped(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 6)
    roll_out(attaching(layer))
    standin.trouble("tag:GetResources", no_tags)
    looked: list[int] = []

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        looked.append(len(watched))
        return fine(watched, start_s, end_s)

    other = Wanted(layer, {"GOVERNOR_URL": "http://other:8642"}, int(time.time()) + 9)
    rollout = roll_out(partial(toward_attached, wanted=other), Pace(0.1, 0.05), vitals)
    assert {each.result for each in rollout.outcomes} == {Result.CHANGED}
    assert list(dict.fromkeys(looked)) == [1, len(names) - 1]


def test_the_wave_of_a_run_that_was_killed_is_known_before_the_index_does(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 3)
    roll_out(lambda now: attaching(layer)(now) if now.name == names[0] else toward_detached(now))
    standin.trouble("tag:GetResources", no_tags)

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        worse = watched == names[:1] and end_s - start_s < 3000
        return Health(100, 50 if worse else 0, 1000.0)

    rollout = roll_out(attaching(layer), Pace(0.05, 60), vitals)
    assert f"detach {names[0]}" in rollout.stopped
    assert attached_ones(fleet, names) == names[:1]


def test_a_wave_that_could_not_be_changed_lets_no_larger_one_follow(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 20)
    begun: list[int] = []

    def refuse(request: Request) -> Answer | None:
        if request.subject in names[:2]:
            return Answer(400, {"message": "no"}, "CodeVerificationFailedException")
        return None

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        if not begun or begun[-1] != len(attached_ones(fleet, names)):
            begun.append(len(attached_ones(fleet, names)))
        return fine(watched, start_s, end_s)

    standin.trouble("lambda:UpdateFunctionConfiguration", refuse)
    rollout = roll_out(attaching(layer), Pace(0.05, 0.05), vitals)
    left = [each.name for each in rollout.outcomes if each.result is Result.LEFT]
    assert left == names[:2]
    assert begun == [0, 1, 6, 18]


def test_a_wave_that_is_hardly_invoked_tells_nothing(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 4)

    def vitals(watched: list[str], _: float, __: float) -> Health:
        return Health(19 if names[0] in watched else 20, 0, 0.0)

    rollout = roll_out(attaching(layer), Pace(0.05, 0.05), vitals)
    assert rollout.is_complete
    assert rollout.quiet == (names[0],)
    assert roll_out(toward_detached).quiet == (), "nobody has looked"


def test_a_canary_is_of_those_that_can_be_attached(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    for number in range(5):
        fleet.function(f"a-{number}", Runtime="python3.9")
    names = several(fleet, 3)
    looked = []

    def vitals(watched: list[str], start_s: float, end_s: float) -> Health:
        looked.append(watched)
        return fine(watched, start_s, end_s)

    roll_out(attaching(layer), Pace(0.05, 0.01), vitals)
    assert looked[0] == names[:1]
