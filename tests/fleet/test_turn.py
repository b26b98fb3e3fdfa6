"""One run at a time changes the fleet."""

import json
import threading
import time

import pytest

from governor.aws.calls import Calls
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import HangUpError, Request
from governor.demo.aws.standin import StandIn
from governor.fleet.aws.clients import Clients
from governor.fleet.aws.configuring import Configuring
from governor.fleet.aws.listing import listed
from governor.fleet.aws.turn import PARAMETER, NotOurTurnError, Turn
from governor.fleet.rollout import AT_ONCE_WITHOUT_A_LOOK, Rolling
from tests.fleet.account import several
from tests.fleet.rolling import attached_ones, attaching, fine
from tests.stores import wait_until


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
