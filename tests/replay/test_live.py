"""Recording real governors, and replaying what was recorded, against what they really deny."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from governor.replay.shelf import recorded_files
from tests.governors import Governor, run
from tests.replay.recorders import RunningRecorder
from tests.replay.traffic import Visit, drive, poisson

POLICY = """
account: {max_concurrency: 20, headroom: 6, mode: MODE}
functions:
  load: {priority: background, max_concurrency: 9, mode: MODE}
  copy: {priority: background, mode: MODE}
"""
FOR_S = 8.0


def stored(folder: Path, mode: str) -> Path:
    """The policy in a file."""
    file = folder / f"{mode}.yaml"
    file.write_text(POLICY.replace("MODE", mode))
    return file


def replayed(*arguments: object) -> dict[str, Any]:
    """What `governor replay` says."""
    ended = run("replay", *(f"{each}" for each in arguments), "--json")
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def live(policy: Path, folder: Path, visits: Sequence[Visit]) -> tuple[Counter[str], Path]:
    """Drive `visits` through a governor under `policy`; return who was denied, and the record."""
    record = folder / f"record-{policy.stem}"
    with (
        Governor("--data-dir", f"{folder / policy.stem}", "--policy", f"{policy}") as governor,
        RunningRecorder(governor.url, record) as recorder,
    ):
        recorder.look()
        denied = asyncio.run(drive(governor.url, visits))
        recorder.look()
        status, out, err = recorder.end()
        assert (status, err) == (0, "")
        assert "0 gaps" in out
    return denied, record


def test_a_replay_foretells_what_a_governor_denies(tmp_path: Path) -> None:
    visits = [
        *poisson("api", 20, 0.3, FOR_S, 1),
        *poisson("load", 8, 1, FOR_S, 2),
        *poisson("copy", 20, 0.3, FOR_S, 3),
    ]
    enforce = stored(tmp_path, "enforce")
    nobody, record = live(stored(tmp_path, "shadow"), tmp_path, visits)
    truth, enforced_record = live(enforce, tmp_path, visits)
    assert not nobody
    assert truth.total() > len(visits) / 10
    answer = replayed(record, "--policy", enforce)
    assert (answer["record"]["invocations"], answer["record"]["gaps"]) == (len(visits), 0)
    recorded, foretold = answer["verdicts"]
    assert (recorded["denied"], recorded["policy"]) == (0, "as recorded")
    assert foretold["denied"] / len(visits) == pytest.approx(truth.total() / len(visits), abs=0.06)
    again = replayed(enforced_record)
    assert again["record"]["denied"] == truth.total()
    assert again["verdicts"][0]["denied"] / len(visits) == pytest.approx(
        truth.total() / len(visits), abs=0.1
    )
    # What is in shadow mode is tried as if it were not.
    shadow = tmp_path / "shadow.yaml"
    assert (
        replayed(record, "--policy", shadow, "--enforce")["verdicts"][1]["denied_by"]
        == (foretold["denied_by"])
    )


def test_a_recorder_survives_a_restart_of_the_governor(tmp_path: Path) -> None:
    policy, record = stored(tmp_path, "enforce"), tmp_path / "record"
    data = ("--data-dir", f"{tmp_path / 'data'}", "--policy", f"{policy}")
    with Governor(*data) as governor:
        port = governor.port
        recorder = RunningRecorder(governor.url, record)
        with recorder:
            recorder.look()
            asyncio.run(drive(governor.url, [Visit(0, "api", 0.1)]))
            recorder.look()
            governor.stop()
            with Governor(*data, "--listen", f"127.0.0.1:{port}") as successor:
                recorder.look()
                asyncio.run(drive(successor.url, [Visit(0, "api", 0.1), Visit(0, "copy", 0.1)]))
                recorder.look()
                status, _, err = recorder.end(signal.SIGINT)
    assert status == 0
    assert "trying again" in err
    answer = replayed(record)
    assert answer["record"]["invocations"] == 3, "totals go on in the store"


def test_a_changed_policy_begins_a_file(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with Governor("--data-dir", f"{tmp_path / 'data'}") as governor:
        for limit in ("7", "8"):
            run("set", "account", "--max-concurrency", limit, "--url", governor.url)
            with RunningRecorder(governor.url, record) as recorder:
                recorder.look()
                assert f'"max_concurrency":{limit}' in recorder.text().partition("\n")[0]
                assert recorder.end()[0] == 0
    assert len(recorded_files(record)) == 2
    assert replayed(record)["record"]["gaps"] == 1


def test_a_killed_recorder_costs_no_file(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with Governor("--data-dir", f"{tmp_path / 'data'}") as governor:
        with RunningRecorder(governor.url, record) as recorder:
            recorder.look()
            asyncio.run(drive(governor.url, [Visit(0, "api", 0.1)]))
            recorder.look()
            recorder.end(signal.SIGKILL)
        (file,) = recorded_files(record)
        with file.open("ab") as cut_off:
            cut_off.write(b'{"at_ms":17')
        with RunningRecorder(governor.url, record, "--for", "1.5s") as successor:
            assert successor.wait()[0] == 0
    answer = replayed(record)
    assert answer["record"]["invocations"] == 1
    assert list(answer["record"]["flaws"].values()) == [1]


def test_only_one_records_into_a_directory(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with (
        Governor("--data-dir", f"{tmp_path / 'data'}") as governor,
        RunningRecorder(governor.url, record) as recorder,
    ):
        recorder.look()
        with RunningRecorder(governor.url, record) as second:
            status, out, err = second.wait()
        assert (status, out) == (2, "")
        assert "another recorder" in err
        assert recorder.end()[0] == 0


def test_an_absent_governor_is_told_at_once(tmp_path: Path) -> None:
    with Governor("--data-dir", f"{tmp_path / 'data'}") as governor:
        url = governor.url
    ended = run("record", "--to", f"{tmp_path / 'record'}", "--url", url)
    assert ended.returncode == 1
    assert "no governor answers" in ended.stderr
