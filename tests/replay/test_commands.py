"""`governor replay`, `recommend` and `record`: what they print, and what they refuse."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from governor.facts import Facts
from governor.policy import parse_yaml
from governor.replay import form
from governor.replay.form import GAP_MS, Count, Line
from governor.replay.reading import Record
from governor.replay.shelf import pack
from tests.governors import run

Write = Callable[..., Path]

LINES = [
    Line(0, {"function:api": Count(1), "account": Count(1)}, gap=True),
    Line(1000, {"function:api": Count(1, 4), "function:load": Count(3, 3), "account": Count(4, 7)}),
    Line(2000, {"function:api": Count(0, 4), "function:load": Count(3, 0), "account": Count(3, 4)}),
    Line(3000, {"function:load": Count(0), "account": Count(0)}),
]
ONE = "{functions: {load: {max_concurrency: 1, priority: background}}}"


HEADER = b'{"governor_record": 1, "policy": {}}\n'


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "one.yaml"
    file.write_text(ONE)
    return file


def test_replay_prints_policies_side_by_side(recorded: Write, policy: Path) -> None:
    ended = run("replay", f"{recorded(LINES)}", "--policy", f"{policy}", "--policy", f"{policy}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "11 invocations of 2 functions, 0 of them denied" in ended.stdout
    assert "as recorded denies nothing" in ended.stdout
    assert ended.stdout.count(f"{policy} denies") == 2
    assert "function:load 2" in ended.stdout


def test_replay_prints_json(recorded: Write, policy: Path) -> None:
    file = recorded(LINES)
    ended = run("replay", f"{file}", "--policy", f"{policy}", "--json")
    answer = json.loads(ended.stdout)
    assert answer["record"] == {
        "begins": "1970-01-01T00:00:00Z",
        "ends": "1970-01-01T00:00:03Z",
        "covered_s": 3.0,
        "gaps": 0,
        "invocations": 11,
        "denied": 0,
        "functions": 2,
        "flaws": {},
    }
    tried = answer["verdicts"][1]
    assert (tried["denied"], tried["user_facing_denied"]) == (2, 0)
    assert tried["functions"][0] == {
        "function": "load",
        "priority": "background",
        "invocations": 3,
        "denied": 2,
        "share": 2 / 3,
        "denied_by": {"function:load": 2},
        "shadow_denied_by": {},
    }
    (worst,) = tried["worst_minutes"]
    assert (worst["at"], worst["functions"]) == ("1970-01-01T00:00:00Z", {"load": 2})


def test_who_may_wait_is_denied_less(recorded: Write, policy: Path) -> None:
    ended = run("replay", f"{recorded(LINES)}", "--policy", f"{policy}", "--wait", "1m", "--json")
    tried = json.loads(ended.stdout)["verdicts"][1]
    assert tried["denied"] == 0
    assert tried["waited"]["ran"] == 2
    assert tried["waited"]["longest_ms"] > 1000
    assert tried["peaks"]["function:load"] == 1


def test_a_shadow_counts_and_enforce_denies(recorded: Write, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow.yaml"
    shadow.write_text(ONE.replace("priority", "mode: shadow, priority"))
    command = ("replay", f"{recorded(LINES)}", "--policy", f"{shadow}", "--json")
    tried = json.loads(run(*command).stdout)["verdicts"][1]
    assert (tried["denied"], tried["shadow_denied"]) == (0, 2)
    enforced = json.loads(run(*command, "--enforce").stdout)["verdicts"][1]
    assert (enforced["denied"], enforced["shadow_denied"]) == (2, 0)


def test_files_of_one_record_are_one_course(recorded: Write, tmp_path: Path) -> None:
    recorded(LINES[:2], name="a.jsonl")
    second = recorded(
        [Line(2000, LINES[2].scopes | {"function:load": Count(3)}), LINES[3]], name="b.jsonl"
    )
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(second.read_bytes()))
    record = json.loads(run("replay", f"{tmp_path}", "--json").stdout)["record"]
    assert (record["invocations"], record["gaps"], record["covered_s"]) == (11, 0, 3.0)


def test_looks_that_are_far_apart_leave_a_gap(recorded: Write) -> None:
    late = [Line(2000 + each.at_ms + GAP_MS, each.scopes) for each in LINES[2:]]
    record = json.loads(run("replay", f"{recorded([*LINES[:2], *late])}", "--json").stdout)[
        "record"
    ]
    assert (record["invocations"], record["gaps"], record["covered_s"]) == (7, 1, 2.0)


def test_lines_whose_time_runs_backwards_are_left_out(recorded: Write) -> None:
    lines = [*LINES[:3], Line(500, LINES[1].scopes), LINES[3]]
    record = json.loads(run("replay", f"{recorded(lines)}", "--json").stdout)["record"]
    assert record["invocations"] == 11
    assert list(record["flaws"].values()) == [1]


def test_recommend_writes_a_policy_with_reasons(recorded: Write, tmp_path: Path) -> None:
    facts = Facts(max_attempts={"load": 3})
    recording = parse_yaml("{groups: {all: {members: {functions: ['*']}}}}")
    file, output = recorded(LINES, recording, facts, frozenset({"fed"})), tmp_path / "out.yaml"
    ended = run("recommend", f"{file}", "-o", f"{output}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "a queue feeds it" in ended.stdout
    assert "denies 0 of user-facing" in ended.stdout
    text = output.read_text()
    assert run("recommend", f"{file}", "-o", "-").stdout == text
    assert "# max_concurrency 4: peak 3, times 1.25" in text
    proposed = yaml.safe_load(text)
    assert proposed["functions"]["load"] == {
        "max_concurrency": 4, "priority": "background", "mode": "shadow",
    }  # fmt: skip
    assert proposed["functions"]["api"]["priority"] == "user-facing"
    assert proposed["account"]["max_concurrency"] == 1000
    assert proposed["groups"]["all"]["mode"] == "shadow"
    again = run("replay", f"{file}", "--policy", f"{output}", "--enforce", "--json")
    assert json.loads(again.stdout)["verdicts"][1]["user_facing_denied"] == 0


def test_recommend_prints_json(recorded: Write) -> None:
    answer = json.loads(run("recommend", f"{recorded(LINES)}", "--json").stdout)
    reasons = {each["path"]: each["value"] for each in answer["proposal"]["reasons"]}
    assert reasons["functions.load.max_concurrency"] == 6, "user-facing: twice its peak"
    assert answer["verdict"]["user_facing_denied"] == 0


@pytest.mark.parametrize("command", ["replay", "recommend"])
@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("r.jsonl", b"", "is empty"),
        ("r.jsonl", b'{"a": 1}\n', "is no record"),
        ("r.jsonl", b'{"governor_record": 2, "rows": []}\n', "version 2"),
        ("r.jsonl", b'{"governor_record": 1}\n', "damaged"),
        ("r.jsonl", b'{"governor_record": 1, "policy": {"colour": 1}}\n', "colour"),
        ("r.jsonl", b'{"governor_record": 1, "policy": {}}\nnonsense\n', "line 2 is damaged"),
        ("r.jsonl", b'{"governor_record": 1, "policy": {}}\n', "holds no look at the pool yet"),
        ("r.jsonl", b'{"governor_record": 1, "policy": ' + b"[" * 100_000, "is no record"),
        ("r.jsonl", HEADER + b'{"at_ms": -1}\n', "line 2 is damaged"),
        ("r.jsonl", HEADER + b'{"at_ms": 1000000000000000}\n', "line 2 is damaged"),
        ("r.jsonl", HEADER + b'{"at_ms": 1, "scopes": {"account": [-1]}}\n', "line 2 is damaged"),
        (
            "r.jsonl",
            HEADER + b'{"at_ms": 1, "scopes": {"account": [1, 1e9]}}\n',
            "line 2 is damaged",
        ),
        ("r.jsonl.gz", b"\x1f\x8bnonsense", "is no record"),
        ("r.csv", b"timestamp,function,Invocations,Duration,Colour\n", "Colour"),
        ("r.csv", b"\0\xff\xfe\n\n", "no column timestamp"),
        ("r.txt", b"hello\n", "no column timestamp"),
    ],
    ids=str,
)
def test_what_is_no_record_is_told(
    tmp_path: Path, command: str, name: str, content: bytes, complaint: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    ended = run(command, f"{file}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert complaint in ended.stderr
    assert name in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_record_that_was_cut_off_is_read_up_to_there(recorded: Write, tmp_path: Path) -> None:
    file = recorded(LINES)
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    cut = json.loads(run("replay", f"{file}", "--json").stdout)["record"]
    assert (cut["invocations"], cut["covered_s"]) == (11, 2.0)
    assert list(cut["flaws"]) == [f"files whose last line was cut off (first: {file.name})"]
    packed = tmp_path / "cut.jsonl.gz"
    packed.write_bytes(gzip.compress(whole)[:-12])
    record = json.loads(run("replay", f"{packed}", "--json").stdout)["record"]
    assert "packed files that are damaged" in next(iter(record["flaws"]))
    assert form.VERSION == 1


def test_a_packed_file_is_known_by_its_content(recorded: Write) -> None:
    file = recorded(LINES)
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert json.loads(run("replay", f"{file}", "--json").stdout)["record"]["invocations"] == 11


@pytest.mark.parametrize("begin", [b"", HEADER[:-9]])
def test_a_file_cut_off_in_its_first_line_does_not_spoil_the_others(
    recorded: Write, tmp_path: Path, begin: bytes
) -> None:
    recorded(LINES)
    (tmp_path / "20240101T000000.000Z.jsonl").write_bytes(begin)
    record = json.loads(run("replay", f"{tmp_path}", "--json").stdout)["record"]
    assert record["invocations"] == 11
    assert list(record["flaws"].values()) == [1]


def test_a_record_is_read_while_its_recorder_goes_on(recorded: Write, tmp_path: Path) -> None:
    packed, removed = recorded(LINES[:2], name="a.jsonl"), recorded(LINES, name="b.jsonl")
    record = Record(tmp_path)
    pack(packed)
    removed.unlink()
    assert [step.end_ms for step in record.steps()] == [0, 1000]
    assert list(record.flaws.values()) == [1]


def test_a_proposal_that_cannot_be_written_is_told(recorded: Write, tmp_path: Path) -> None:
    ended = run("recommend", f"{recorded(LINES)}", "-o", f"{tmp_path / 'none' / 'out.yaml'}")
    assert ended.returncode == 2
    assert "No such file or directory" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("replay",),
        ("replay", "/nonexistent"),
        ("replay", "DIR"),
        ("recommend", "DIR"),
        ("replay", "FILE", "--policy", "/nonexistent"),
        ("replay", "FILE", "--policy", "BAD"),
        ("replay", "FILE", "--wait", "soon"),
        ("replay", "FILE", "--wait", "9" * 400 + "d"),
        ("record",),
        ("record", "--to", "DIR", "--for", "0s"),
        ("record", "--to", "DIR", "--for", "1w"),
        ("record", "--to", "DIR", "--max-mb", "0"),
        ("record", "--to", "FILE"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_status_2(recorded: Write, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    bad = tmp_path / "bad.yaml"
    bad.write_text("surprise: 1")
    words = {"DIR": f"{tmp_path / 'empty'}", "FILE": f"{recorded(LINES)}", "BAD": f"{bad}"}
    ended = run(*(words.get(word, word) for word in command))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    assert ended.stderr
