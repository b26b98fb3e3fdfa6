"""`governor controller …` and `governor serve --controller`, against AWS as moto has it."""

import json
import signal
from pathlib import Path

import psutil
import pytest

from governor.demo.aws.fleet import ACCOUNT_ID, REGION, Fleet
from governor.demo.aws.standin import StandIn
from tests.controller.aws.commands import MESSAGES, RECEIVES, controller, maximum, shown
from tests.governors import Governor, Start, run
from tests.service.api import Api, eventually
from tests.stores import wait_until

pytestmark = pytest.mark.timeout(120)


def test_plan_shows_what_would_be_done_and_does_nothing(
    burst: str, fleet: Fleet, standin: StandIn, where: list[str]
) -> None:
    plan = shown("controller", "plan", *where)
    (action,) = plan["actions"]
    assert (action["kind"], action["outcome"]) == ("turn", "planned")
    assert "load" in action["reason"]
    assert "headroom 20" in action["reason"]
    assert plan["budget"]["background"] == 10
    assert plan["missing"] == []
    table = run("controller", "plan", *where)
    assert table.returncode == 0, table
    assert action["reason"] in table.stdout
    assert "1 action planned" in table.stdout
    assert maximum(fleet, burst) is None
    assert not [each for each in standin.asked if "Update" in each or "Tag" in each[:10]]


def test_plan_says_what_it_could_not_read(burst: str, standin: StandIn, where: list[str]) -> None:
    assert burst
    standin.deny("lambda:ListEventSourceMappings")
    ended = run("controller", "plan", *where, "--json")
    plan = json.loads(ended.stdout)
    assert (ended.returncode, plan["actions"]) == (1, [])
    assert any("ListEventSourceMappings" in each for each in plan["missing"])
    assert "could not be read" in run("controller", "plan", *where).stdout


async def test_run_pause_resume_and_restore(
    burst: str, fleet: Fleet, governor: Governor, where: list[str], tmp_path: Path
) -> None:
    pausing = ["--url", governor.url]
    assert shown("controller", "pause", *pausing) == {"paused": True}
    async with Api(governor.url) as api:
        with controller(where, tmp_path / "output") as process:

            async def is_paused() -> bool:
                told = (await api.get("/v1/status")).json["controller"]
                return bool(told["leader"] and told["report"] and told["report"]["actions"])

            await eventually(is_paused, "a paused controller leads and plans")
            told = (await api.get("/v1/status")).json["controller"]
            assert (told["enabled"], told["paused"]) == (True, True)
            assert str(process.pid) in told["leader"]
            assert told["report"]["state"] == "paused"
            assert maximum(fleet, burst) is None
            assert "not paused" in run("controller", "resume", *pausing).stdout
            wait_until(lambda: maximum(fleet, burst) is not None, "the queue is held back")
            assert maximum(fleet, burst) == 10
            assert fleet.tags(fleet.state(burst)["EventSourceMappingArn"])

            async def has_settled() -> bool:
                text = (await api.get("/metrics")).body.decode()
                return 'governor_controller_confirmations_total{state="settled"} 1.0' in text

            await eventually(has_settled, "the change was seen to have arrived")
            text = (await api.get("/metrics")).body.decode()
            labels = f'{{function="load",mapping="{burst}"}}'
            for line in (
                "governor_controller_leader 1.0",
                "governor_controller_paused 0.0",
                "governor_controller_acting 1.0",
                "governor_controller_drift 0.0",
                "governor_controller_budget 10.0",
                "governor_controller_demand 0.0",
                f"governor_controller_allowed_concurrency{labels} 10.0",
                f"governor_controller_observed_concurrency{labels} 0.0",
                f"governor_controller_queue_messages{labels} {MESSAGES}.0",
                f"governor_controller_queue_oldest_seconds{labels} 77.0",
                'governor_controller_actions_total{kind="turn",outcome="done"} 1.0',
            ):
                assert line in text.splitlines(), text
            called = 'calls_total{operation="lambda:UpdateEventSourceMapping",outcome="ok"} 1.0'
            assert f"governor_controller_{called}" in text
            facts = (await api.get("/v1/facts")).json
            assert (facts["max_attempts"], facts["unshared"]) == ({"load": RECEIVES}, [])
            table = run("status", *pausing).stdout.splitlines()
            (row,) = (line.split() for line in table if line.split()[:1] == ["load"])
            assert row == ["load", f"{MESSAGES}", "77", "s", "10", "0"]
            # The leader does not undo what is restored: it is deposed, and then paused.
            restored = shown("controller", "restore", *where)
            assert [each["outcome"] for each in restored["restored"]] == ["done"]
            assert maximum(fleet, burst) is None

            async def leads_again() -> bool:
                told = (await api.get("/v1/status")).json["controller"]
                return bool(told["leader"] and told["report"]["state"] == "paused")

            await eventually(leads_again, "the controller leads again, paused")
        assert maximum(fleet, burst) is None
        assert not fleet.tags(fleet.state(burst)["EventSourceMappingArn"])
        assert shown("controller", "restore", *where) == {"restored": [], "left": []}
        facts = (await api.get("/v1/facts")).json
        learned = (facts["max_attempts"], facts["unshared"])
        assert learned == ({}, []), "nobody is there to learn it again"


async def test_what_is_broken_is_told_and_the_rest_is_held_back(
    burst: str, fleet: Fleet, governor: Governor, where: list[str], tmp_path: Path
) -> None:
    fleet.fed("orphan")
    fleet.functions.delete_function(FunctionName="orphan")
    fleet.fed("dry")
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dry-queue"
    fleet.queues.delete_queue(QueueUrl=fleet.url(queue))
    with controller(where, tmp_path / "output"):
        wait_until(lambda: maximum(fleet, burst) == 10, "the queue is held back")
        report = shown("status", "--url", governor.url)["controller"]["report"]
    assert report["state"] == "acting"
    warnings = [each["text"] for each in report["events"] if each["kind"] == "warning"]
    assert any(text.startswith("function orphan: ") for text in warnings)
    assert any(text.startswith("queue dry-queue: ") for text in warnings)


def test_aws_that_does_not_answer_keeps_nobody_from_ending(
    burst: str, standin: StandIn, where: list[str], tmp_path: Path
) -> None:
    assert burst
    standin.slow_down("*", 40)
    with controller(where, tmp_path / "output"):  # which ends within 30 s of being told to
        wait_until(lambda: bool(standin.asked), "it has asked AWS")


async def test_serve_runs_a_controller_and_another_when_it_dies(
    burst: str, fleet: Fleet, start: Start, tmp_path: Path, policy: Path
) -> None:
    governor = start("--data-dir", f"{tmp_path / 'data'}", "--policy", f"{policy}", "--controller")

    def controllers() -> list[psutil.Process]:
        module = "governor.controller.process"
        return [each for each in governor.children() if module in each.cmdline()]

    wait_until(lambda: maximum(fleet, burst) == 10, "the queue is held back")
    (first,) = controllers()
    async with Api(governor.url) as api:

        async def another_leads() -> bool:
            told = (await api.get("/v1/status")).json["controller"]
            return told["leader"] is not None and f":{first.pid}:" not in told["leader"]

        first.send_signal(signal.SIGKILL)
        await eventually(another_leads, "another controller leads", 30)
        assert len(controllers()) == 1
        assert (await api.get("/healthz")).status == 200
    assert governor.stop() == 0


def test_a_dry_run_changes_nothing(
    burst: str, fleet: Fleet, governor: Governor, where: list[str], tmp_path: Path
) -> None:
    with controller(where, tmp_path / "output", "--dry-run"):

        def planned() -> bool:
            report = shown("status", "--url", governor.url)["controller"]["report"]
            return bool(report and report["actions"])

        wait_until(planned, "it plans")
    assert maximum(fleet, burst) is None


@pytest.mark.parametrize("name", ["run", "plan", "restore"])
def test_an_embedded_store_is_its_governors(name: str) -> None:
    ended = run("controller", name, "--store", "embedded")
    assert ended.returncode == 2
    assert "governor serve --controller" in ended.stderr


@pytest.mark.parametrize("name", ["run", "plan", "restore"])
def test_without_a_region_it_is_said_at_once(
    name: str, standin: StandIn, where: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert standin.url
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    ended = run("controller", name, *where)
    assert ended.returncode == 2
    assert "region" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_lost_store_is_said(standin: StandIn) -> None:
    assert standin.url
    ended = run("controller", "plan", "--store", "redis://127.0.0.1:1")
    assert ended.returncode == 1
    assert "can't be reached" in ended.stderr
