"""attach and detach in an account of moto's: exact, resumable, told for each function."""

from collections.abc import Callable
from functools import partial

import pytest

from governor.aws.calls import Calls
from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn
from governor.fleet.attachment import toward_detached
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.configuring import Configuring
from governor.fleet.memory import TAG
from governor.fleet.rollout import Rollout
from governor.fleet.stepping import Outcome, Result, bring
from tests.fleet.account import published, several, snapshot
from tests.fleet.rolling import URL, attached_ones, attaching


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
