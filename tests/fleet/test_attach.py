"""attach and detach in an account of moto's: exact, in waves, resumable, one at a time."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from governor.aws.calls import Calls
from governor.aws.errors import DeniedError, ThrottledError
from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import HangUpError, Request
from governor.demo.aws.standin import StandIn
from governor.fleet.attachment import Wanted, toward_attached, toward_detached
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.configuring import Configuring
from governor.fleet.aws.listing import listed
from governor.fleet.aws.turn import PARAMETER, NotOurTurnError, Turn
from governor.fleet.health import Health
from governor.fleet.memory import TAG
from governor.fleet.rollout import AT_ONCE_WITHOUT_A_LOOK, Decide, Pace, Rolling, Rollout
from governor.fleet.stepping import Outcome, Result, bring
from tests.fleet.account import published, several, snapshot
from tests.stores import wait_until

URL = "http://governor.internal:8642"


@pytest.fixture
def layer(fleet: Fleet) -> str:
    """A version of the layer."""
    return published(fleet, "governor")


def attaching(layer: str, at_s: float | None = None) -> Decide:
    began_s = int(time.time() if at_s is None else at_s)
    wanted = Wanted(layer, {"GOVERNOR_URL": URL}, began_s)
    return lambda function: toward_attached(function, wanted)


Vitals = Callable[[list[str], float, float], Health]


def fine(_: object, __: float, ___: float) -> Health:
    return Health(100, 0, 1000.0)


@pytest.fixture
def roll_out(clients: Clients, calls: Calls, standin: StandIn) -> Iterator[Callable[..., Rollout]]:
    """Rolls a change out over all functions of the account."""

    def rolled(decide: Decide, pace: Pace = AT_ONCE_WITHOUT_A_LOOK, vitals: Any = fine) -> Rollout:
        functions = listed(clients, calls).functions
        with Turn(clients, calls, contest_s=0.1) as turn:
            rolling = Rolling(Configuring(clients, calls), vitals, turn, lambda *_: None)
            return rolling.roll_out(functions, lambda _: decide, pace)

    assert standin is not None
    return rolled  # type: ignore[return-value]


def attached_ones(fleet: Fleet, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if "GOVERNOR_URL"
        in fleet.functions.get_function_configuration(FunctionName=name)
        .get("Environment", {})
        .get("Variables", {})
    ]


def test_attach_then_detach_gives_every_function_back(
    fleet: Fleet, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    names = several(fleet, 20)
    before = snapshot(fleet, names)
    rollout = roll_out(attaching(layer))
    assert rollout.is_complete
    assert attached_ones(fleet, names) == names
    assert all(each.result is Result.CHANGED for each in rollout.outcomes)
    assert roll_out(attaching(layer)).outcomes == tuple(
        Outcome(name, Result.SETTLED) for name in names
    )
    assert roll_out(toward_detached).is_complete
    assert snapshot(fleet, names) == before


@pytest.mark.parametrize("broken", ["lambda:TagResource", "lambda:UpdateFunctionConfiguration"])
def test_interrupted_anywhere_and_resumed_it_arrives(
    fleet: Fleet,
    standin: StandIn,
    layer: str,
    roll_out: Callable[..., Rollout],
    broken: str,
) -> None:
    names = several(fleet, 12)
    before = snapshot(fleet, names)
    calls_left = iter(range(5))

    def dies(_: Request) -> Answer | None:
        if next(calls_left, None) is None:
            return Answer(403, {"message": "gone"}, "AccessDeniedException")
        return None

    standin.trouble(broken, dies)
    first = roll_out(attaching(layer))
    assert not first.is_complete
    assert 0 < len(attached_ones(fleet, names)) < len(names)
    assert all(broken in each.reason for each in first.outcomes if each.result is Result.LEFT)
    standin.heal()
    assert roll_out(attaching(layer)).is_complete
    assert attached_ones(fleet, names) == names
    standin.trouble("lambda:UntagResource", dies)
    assert not roll_out(toward_detached).is_complete
    standin.heal()
    assert roll_out(toward_detached).is_complete
    assert snapshot(fleet, names) == before


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


def test_a_turn_that_can_not_be_given_back_ends_by_itself(
    standin: StandIn, clients: Clients, calls: Calls
) -> None:
    standin.deny("ssm:DeleteParameter")
    with Turn(clients, calls):
        pass
    with pytest.raises(NotOurTurnError, match="its turn ends by itself at"), Turn(clients, calls):
        pytest.fail("it was given back")


def test_two_at_once_are_one_too_many(clients: Clients, calls: Calls) -> None:
    with (
        Turn(clients, calls),
        pytest.raises(NotOurTurnError, match="another run changes the fleet"),
        Turn(clients, calls),
    ):
        pytest.fail("both had the turn")
    with Turn(clients, calls):
        pass


def test_a_first_answer_that_was_lost_is_no_other_run(
    standin: StandIn, clients: Clients, calls: Calls
) -> None:
    lost: list[bool] = []

    def lose(request: Request) -> Answer | None:
        if lost:
            return None
        lost.append(True)
        standin.carry_out(request)
        raise HangUpError

    standin.trouble("ssm:PutParameter", lose)
    with Turn(clients, calls):
        assert standin.counted()["ssm:PutParameter"] == 2


def test_of_all_who_take_over_from_a_dead_one_one_has_the_turn(
    clients: Clients, calls: Calls
) -> None:
    has_it: list[int] = []
    let_go = threading.Event()

    def contend(number: int) -> None:
        try:
            with Turn(clients, calls, contest_s=0.5):
                has_it.append(number)
                let_go.wait(10)
        except NotOurTurnError:
            pass

    value = json.dumps({"holder": "a dead one", "until_s": time.time() - 1})
    clients.parameters.put_parameter(Name=PARAMETER, Value=value, Type="String")
    contenders = [threading.Thread(target=contend, args=(number,)) for number in range(6)]
    for each in contenders:
        each.start()
    wait_until(lambda: sum(each.is_alive() for each in contenders) <= 1, "all but one gave up")
    let_go.set()
    for each in contenders:
        each.join()
    assert len(has_it) == 1


def test_who_has_lost_the_turn_changes_nothing_more(
    fleet: Fleet, layer: str, clients: Clients, calls: Calls
) -> None:
    names = several(fleet, 3)
    functions = listed(clients, calls).functions
    with Turn(clients, calls) as turn:
        clients.parameters.put_parameter(
            Name=PARAMETER, Value='{"holder": "x", "until_s": 9e9}', Type="String", Overwrite=True
        )
        turn._renewed_at -= 60  # noqa: SLF001 - as if a minute had passed
        rolling = Rolling(Configuring(clients, calls), fine, turn, lambda *_: None)
        rollout = rolling.roll_out(functions, lambda _: attaching(layer), AT_ONCE_WITHOUT_A_LOOK)
    assert "x has taken over" in rollout.stopped
    assert list(rollout.waiting) == names
    assert attached_ones(fleet, names) == []
    assert PARAMETER in str(clients.parameters.get_parameter(Name=PARAMETER))


def test_an_update_under_way_is_waited_for(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    fleet.function("f")
    standin.configurations.settle_s = 0.7
    standin.configurations.begin("f")
    rollout = roll_out(attaching(layer))
    assert rollout.is_complete
    assert standin.counted()["lambda:UpdateFunctionConfiguration"] == 1


def test_a_change_in_between_is_not_overwritten(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    fleet.function("f")
    meddled: list[bool] = []

    def meddle(_: Request) -> None:
        if not meddled:
            meddled.append(True)
            fleet.functions.update_function_configuration(
                FunctionName="f", Environment={"Variables": {"THEIRS": "1"}}
            )
            standin.configurations.begin("f")

    standin.trouble("lambda:UpdateFunctionConfiguration", meddle)
    assert roll_out(attaching(layer)).is_complete
    variables = fleet.functions.get_function_configuration(FunctionName="f")["Environment"]
    assert variables["Variables"]["THEIRS"] == "1"
    assert variables["Variables"]["GOVERNOR_URL"] == URL


def test_who_changes_it_all_the_time_is_told(
    fleet: Fleet, standin: StandIn, layer: str, clients: Clients, calls: Calls
) -> None:
    fleet.function("f")
    standin.trouble(
        "lambda:UpdateFunctionConfiguration", lambda _: standin.configurations.begin("f")
    )
    outcome = bring("f", attaching(layer), Configuring(clients, calls), patience_s=0.2)
    assert outcome.result is Result.LEFT
    assert "run this again later" in outcome.reason


def test_tags_that_are_kept_back_are_told_and_nothing_is_changed(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    fleet.function("f")

    def keep_back(request: Request) -> Answer:
        body = {**standin.carry_out(request).body}
        body["TagsError"] = {"ErrorCode": "AccessDeniedException", "Message": "lambda:ListTags"}
        del body["Tags"]
        return Answer(200, body)

    standin.trouble("lambda:GetFunction", keep_back)
    (outcome,) = roll_out(attaching(layer)).outcomes
    assert outcome.result is Result.LEFT
    assert "grant lambda:ListTags" in outcome.reason
    assert "lambda:TagResource" not in standin.asked
    assert "lambda:UpdateFunctionConfiguration" not in standin.asked


@pytest.mark.parametrize("undone", ["lambda:TagResource", "lambda:UpdateFunctionConfiguration"])
def test_who_undoes_what_was_done_is_not_fought_with(  # noqa: PLR0913, PLR0917 - a table
    fleet: Fleet, standin: StandIn, layer: str, clients: Clients, calls: Calls, undone: str
) -> None:
    fleet.function("f")
    standin.trouble(undone, lambda _: Answer(200, {}))
    outcome = bring("f", attaching(layer), Configuring(clients, calls), patience_s=0.2)
    assert outcome.result is Result.LEFT
    assert "does not show (any more) what was done" in outcome.reason
    assert standin.counted()[undone] == 1


def test_each_that_can_not_be_is_told_and_the_others_go_on(
    fleet: Fleet, standin: StandIn, layer: str, roll_out: Callable[..., Rollout]
) -> None:
    good = several(fleet, 3)
    others = [published(fleet, f"other-{number}") for number in range(5)]
    fleet.function("five-layers", Layers=others)
    fleet.function("old", Runtime="python3.9")
    fleet.function("large", Environment={"Variables": {"A": "x" * 4000}})
    fleet.function("gone")
    before = snapshot(fleet, ["five-layers", "old", "large"])
    standin.trouble(
        "lambda:GetFunction",
        lambda request: (
            Answer(404, {"Message": "Function not found"}, "ResourceNotFoundException")
            if request.subject == "gone"
            else None
        ),
    )
    rollout = roll_out(attaching(layer))
    left = {each.name: each.reason for each in rollout.outcomes if each.result is Result.LEFT}
    assert left.keys() == {"five-layers", "old", "large", "gone"}
    assert "5 layers" in left["five-layers"]
    assert "python3.9" in left["old"]
    assert "4096 bytes" in left["large"]
    assert "does not exist" in left["gone"]
    assert attached_ones(fleet, good) == good
    assert snapshot(fleet, ["five-layers", "old", "large"]) == before
    assert not rollout.is_complete


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


def arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"


def test_tags_of_ours_that_were_edited_are_left(
    fleet: Fleet, layer: str, clients: Clients, roll_out: Callable[..., Rollout]
) -> None:
    fleet.function("f")
    roll_out(attaching(layer))
    clients.functions.tag_resource(Resource=arn("f"), Tags={TAG: "mine now"})
    (outcome,) = roll_out(partial(toward_detached)).outcomes
    assert outcome.result is Result.LEFT
