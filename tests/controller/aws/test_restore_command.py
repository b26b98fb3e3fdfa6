"""`governor controller restore`: everything is as it was, whatever has been lost."""

import subprocess
from pathlib import Path

import pytest
from redis import Redis

from governor.controller.aws.tags import KEY, of_knobs, of_reserved
from governor.controller.observed import Knobs
from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import throttled
from governor.demo.aws.standin import StandIn
from governor.ledger.keys import CONTROLLER, key
from governor.lifeline import tied
from tests.controller.aws.commands import MESSAGES, controller, maximum
from tests.governors import command, environment, run
from tests.stores import wait_until

pytestmark = pytest.mark.timeout(120)


def test_restore_needs_nothing_in_the_store(
    burst: str, fleet: Fleet, where: list[str], tmp_path: Path
) -> None:
    with controller(where, tmp_path / "output"):
        wait_until(lambda: maximum(fleet, burst) is not None, "the queue is held back")
    arn = fleet.state(burst)["EventSourceMappingArn"]
    assert fleet.tags(arn)
    empty = [*where[:-1], f"{where[-1]}-empty"]
    ended = run("controller", "restore", *empty)
    assert ended.returncode == 0, ended
    assert "1 restored, 0 left" in ended.stdout
    assert maximum(fleet, burst) is None
    assert not fleet.tags(arn)
    again = run("controller", "restore", *empty)
    assert "0 restored, 0 left" in again.stdout


def test_restore_does_not_rest_on_the_tagging_services_index(
    burst: str, fleet: Fleet, standin: StandIn, where: list[str], tmp_path: Path
) -> None:
    with controller(where, tmp_path / "output"):
        wait_until(lambda: maximum(fleet, burst) is not None, "the queue is held back")
    untouched = fleet.fed("another")
    standin.state.unindexed = True
    ended = run("controller", "restore", *where[:-1], f"{where[-1]}-empty")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "1 restored, 0 left" in ended.stdout
    assert maximum(fleet, burst) is None
    assert maximum(fleet, untouched) is None
    assert not fleet.tags(fleet.state(burst)["EventSourceMappingArn"])


@pytest.mark.parametrize(
    "action", ["*", "lambda:ListEventSourceMappings", "tag:GetResources", "lambda:GetFunction"]
)
def test_restore_waits_until_aws_answers(
    burst: str, fleet: Fleet, standin: StandIn, where: list[str], action: str
) -> None:
    mapping, arn = fleet.state(burst)["EventSourceMappingArn"], fleet.function("braked")
    fleet.functions.update_event_source_mapping(UUID=burst, ScalingConfig={"MaximumConcurrency": 5})
    fleet.functions.tag_resource(Resource=mapping, Tags={KEY: of_knobs(Knobs())})
    fleet.functions.put_function_concurrency(FunctionName="braked", ReservedConcurrentExecutions=7)
    fleet.functions.tag_resource(Resource=arn, Tags={KEY: of_reserved(None)})
    standin.state.tags[arn] = {KEY: of_reserved(None)}
    refused = iter(range(6))
    standin.trouble(action, lambda _: None if next(refused, None) is None else throttled())
    ended = run("controller", "restore", *where[:-1], f"{where[-1]}-empty")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "2 restored, 0 left" in ended.stdout
    assert maximum(fleet, burst) is None
    assert "Concurrency" not in fleet.functions.get_function(FunctionName="braked")


@pytest.mark.parametrize("action", ["*", "lambda:ListEventSourceMappings"])
def test_restore_without_the_permission_to_see_says_so_at_once(
    burst: str, standin: StandIn, where: list[str], action: str
) -> None:
    assert burst
    standin.deny(action)
    ended = run("controller", "restore", *where)
    assert ended.returncode == 1
    assert "grant lambda:ListEventSourceMappings" in ended.stderr


def test_of_two_restores_at_once_one_goes_on(
    burst: str, fleet: Fleet, standin: StandIn, where: list[str], tmp_path: Path
) -> None:
    more = [fleet.fed(f"load-{number}", MESSAGES) for number in range(3)]
    with controller(where, tmp_path / "output"):
        wait_until(lambda: maximum(fleet, burst) is not None, "the queue is held back")
    standin.slow_down("lambda:ListEventSourceMappings", 0.5)
    words = tied(command("controller", "restore", *where))
    both = [
        subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [each.communicate(timeout=60)[1] for each in both]
    assert sorted(each.returncode for each in both) == [0, 1], told
    assert any("someone else restores at the same time" in each for each in told)
    assert {maximum(fleet, uuid) for uuid in (burst, *more)} == {None}


def test_restore_gets_on_with_a_memory_of_another_release(
    burst: str, fleet: Fleet, where: list[str], tmp_path: Path
) -> None:
    with controller(where, tmp_path / "output"):
        wait_until(lambda: maximum(fleet, burst) is not None, "the queue is held back")
    store, pool = where[1], where[3]
    with Redis.from_url(store) as redis:
        redis.hset(key(pool, CONTROLLER), "memory", b'{"turns": 7}')
    ended = run("controller", "restore", *where)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "1 restored, 0 left" in ended.stdout
    assert maximum(fleet, burst) is None
