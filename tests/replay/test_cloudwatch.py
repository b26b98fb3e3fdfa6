"""CloudWatch's metrics as CSV: shapes, flaws, bursts, and memory that does not grow."""

import os
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor.errors import InvalidInputError
from governor.policy import parse_yaml
from governor.replay.cloudwatch import CloudWatch
from governor.replay.trial import Trial
from governor.replay.verdicts import Comparison, compare
from tests.governors import command, environment

SOAK = "SOAK" in os.environ
Exported = Callable[..., Path]

WIDE = "timestamp,function,Invocations,Duration,ConcurrentExecutions,Throttles"
SHAPES = {
    "wide": (
        WIDE,
        "2023-11-14T22:13:00Z,api,60,500,2,0",
        "2023-11-14T22:13:00Z,load,120,1000,4,6",
        "2023-11-14T22:14:00Z,api,30,500,2,",
    ),
    "wide, as spreadsheets have it": (
        "\ufeffFunction Name,Time,Throttles (Sum),invocations (sum),Duration (Average)",
        "api,2023/11/14 22:13:00,0,60,500",
        "load,2023/11/14 22:13:00,6,120,1000",
        "api,1700000040000,,30,500",
    ),
    "long": (
        "timestamp,function,metric,value",
        "1700000040,api,Invocations,30",
        "1699999980,load,Duration,1000.0",
        "1699999980,load,Throttles,6.0",
        "1699999980,api,Invocations,60.0",
        "1699999980,api,Duration,500",
        "1700000040,api,Duration,500",
        "1699999980,load,Invocations,120",
    ),
    "series": (
        "Time,api Invocations (Sum),api Duration,load invocations,load Duration,load Throttles",
        "2023-11-14T22:13:00+00:00,60,500,120,1000,6",
        "2023-11-14T22:14:00+00:00,30,500,,,",
    ),
}


def tried(file: Path, policy: str = "{}") -> Comparison:
    """A policy on the metrics in `file`."""
    return compare(CloudWatch(file), [Trial("tried", parse_yaml(policy))])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_says_the_same(exported: Exported, shape: str) -> None:
    comparison = tried(exported(*SHAPES[shape]))
    record, (verdict,) = comparison.record, comparison.verdicts
    assert (record.begins, record.ends) == ("2023-11-14T22:13:00Z", "2023-11-14T22:15:00Z")
    assert (record.invocations, record.denied, record.flaws) == (216, 6, {})
    came = {each.function: each.invocations for each in verdict.functions}
    assert came == {"api": 90, "load": 126}


def test_limits_deny_what_does_not_fit(exported: Exported) -> None:
    rows = [f"{1_700_000_040 + 60 * i},load,600,1000,10,0" for i in range(10)]
    policy = "{functions: {load: {max_concurrency: 10}}}"
    (verdict,) = tried(exported(WIDE, *rows), policy).verdicts
    # Ten erlangs offered to ten servers: Erlang's loss formula.
    assert verdict.denied / 6000 == pytest.approx(0.2146, abs=0.03)
    assert verdict.peaks["function:load"] == 10


def test_a_burst_is_as_high_as_it_was(exported: Exported) -> None:
    calm = tried(exported(WIDE, "1700000040,load,600,1000,,0")).verdicts[0]
    burst = tried(exported(WIDE, "1700000040,load,600,1000,200,0")).verdicts[0]
    assert calm.peaks["function:load"] < 30
    assert 140 <= burst.peaks["function:load"] <= 280


def test_without_durations_they_follow_from_concurrency(exported: Exported) -> None:
    file = exported("timestamp,function,Invocations,ConcurrentExecutions",
                    *(f"{1_700_000_040 + 60 * i},load,600,10" for i in range(5)))  # fmt: skip
    assert 8 <= tried(file).verdicts[0].peaks["function:load"] <= 25


def test_flaws_are_counted_and_told(exported: Exported) -> None:
    comparison = tried(
        exported(
            WIDE,
            "1700000100,load,60,1000,1,0",
            "1700000040,load,60,1000,1,0",
            "1700000040,load,60,1000,1,0",  # again
            "1700000100,load,61,1000,1,0",  # contradicts
            "yesterday,load,1,1,1,1",
            "1700000040,load,many,1,1,1",
            "1700000040,load,-1,1,1,1",
            "1700000040,l/o,1,1,1,1",
            "1700000040,load",
            "",
            "1700000280,load,nan,1,1,1",
            "1700000340,load,60,1000,1,0",  # three minutes are missing
        )
    )
    assert comparison.record.invocations == 60 + 61 + 60
    flaws = {text.partition(" (first")[0]: times for text, times in comparison.record.flaws.items()}
    assert flaws == {
        "rows without a time that can be read, skipped": 1,
        "rows with a value that is no number, skipped": 1,
        "rows with a value that can't be, skipped": 2,
        "rows without a function's name, skipped": 1,
        "rows with too few or too many columns, skipped": 1,
        "rows that say the same again": 1,
        "rows that contradict another one; the highest value counts": 1,
        "periods without a row of any function: nothing ran in them": 3,
    }
    assert any("(first: line 6)" in text for text in comparison.record.flaws)


@pytest.mark.parametrize(
    ("heading", "complaint"),
    [
        ("timestamp,function,Invocations,Duration,Colour", "Colour"),
        ("function,Invocations,Duration", "timestamp"),
        ("timestamp,function,Duration", "Invocations"),
        ("timestamp,function,Invocations", "Duration"),
        ("timestamp,function,Invocations,Invocations,Duration", "twice"),
        ("timestamp,api Colour", "api Colour"),
        ("timestamp,api Invocations", "Duration"),
        (WIDE, "no row"),
    ],
)
def test_what_is_no_export_is_told(exported: Exported, heading: str, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        tried(exported(heading))


ROWS = [f"{1_700_000_040 + 60 * i},{name},{i + 1},{100 * i},2,{i % 2}"
        for i in range(6) for name in ("a", "b", "c")]  # fmt: skip


@given(st.permutations(ROWS))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
def test_order_does_not_matter(exported: Exported, rows: list[str]) -> None:
    assert tried(exported(WIDE, *rows)) == tried(exported(WIDE, *ROWS))


def test_what_does_not_fit_is_sorted_on_disk(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = random.Random(1).sample(ROWS, len(ROWS))
    in_memory = tried(exported(WIDE, *rows))
    monkeypatch.setattr("governor.replay.sorting.RUN_LINES", 5)
    assert tried(exported(WIDE, *rows)) == in_memory


def rows_of(size: int) -> Iterator[str]:
    """Shuffled minutes of 1,000 functions, `size` bytes of them or a little more."""
    dice, written, at_s = random.Random(1), 0, 1_700_000_040
    while written < size:
        at = datetime.fromtimestamp(at_s, UTC).isoformat()
        # Mostly idle: it is reading and sorting that is looked at.
        minute = [
            f"{at},function-{each:04},{int(each % 50 == 0)},{dice.randrange(2000)},1,0\n"
            for each in range(1000)
        ]
        dice.shuffle(minute)
        text = "".join(minute)
        yield text
        written, at_s = written + len(text), at_s + 60


@pytest.mark.timeout(1800 if SOAK else 120)
def test_memory_is_bounded_however_big_the_file(tmp_path: Path) -> None:
    file = tmp_path / "big.csv"
    with file.open("w") as big:
        big.write(f"{WIDE}\n")
        big.writelines(rows_of(300_000_000 if SOAK else 20_000_000))
    bound = 60_000_000  # of data: not enough to sort either of them in memory

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))

    ended = subprocess.run(
        command("replay", f"{file}", "--json"),
        env=environment(),
        preexec_fn=bounded,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
