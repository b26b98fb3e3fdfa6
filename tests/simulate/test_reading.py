"""Scenarios that can't be: the complaint names the key, the line and what to do."""

from pathlib import Path

import pytest

from governor.errors import InvalidInputError
from governor.model import Priority
from governor.simulate.reading import parse, read, shipped
from tests.simulate.small import MIXED, scenario

GOOD = """\
length_s = 60

[functions.api]
priority = "user-facing"
source = { kind = "api" }
duration = { kind = "fixed", ms = 100 }
arrivals = [{ kind = "poisson", rate = 1 }]
"""


def complaint(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        scenario(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length_s = 60", "length_s = 0", ["length_s", "> 0", "line 1"]),
        ("length_s = 60", "lenght_s = 60", ["lenght_s", "no such field", "line 1"]),
        ("length_s = 60", "", ["length_s", "required", "small.toml"]),
        ("rate = 1", "rate = -1", ["functions.api.arrivals[0].rate", ">= 0", "line 7"]),
        ("rate = 1", "rate = nan", ["functions.api.arrivals[0].rate", "line 7"]),
        ("rate = 1", "rtae = 1", ["functions.api.arrivals[0].rtae", "line 7"]),
        ('"poisson"', '"fish"', ["functions.api.arrivals[0].kind", "fish", "line 7"]),
        (
            '"poisson", rate = 1',
            '"step", rate = 1, from_s = 9, until_s = 5',
            ["functions.api.arrivals[0].until_s", "5 is not after from_s 9", "line 7"],
        ),
        ('"user-facing"', '"vip"', ["functions.api.priority", "line 4"]),
        ("ms = 100", "ms = 1e9", ["functions.api.duration.ms", "line 6"]),
        ("ms = 100", 'ms = "long"', ["functions.api.duration.ms", "line 6"]),
        (
            '"fixed", ms = 100',
            '"lognormal", p50_ms = 9, p99_ms = 5',
            ["functions.api.duration.p99_ms", "5 is less than p50_ms 9", "line 6"],
        ),
        (
            '"poisson", rate = 1',
            '"recorded", file = "gone.csv"',
            ["functions.api.arrivals[0].file", "there is no file gone.csv", "line 7"],
        ),
        ('kind = "api"', 'kind = "sqs", visibility_s = 5', ["visibility_s", "30 s", "line 5"]),
        ("[functions.api]", "[functions.'a b']", ["functions.a b", "line 3"]),
        ("[functions.api]", "[functions.api]\nsqs_max = 5", ["functions.api.sqs_max", "line 4"]),
        (
            "[functions.api]",
            "[governor.policy]\naccount = { headroom = 2000 }\n[functions.api]",
            ["governor.policy.account.headroom", "line 4"],
        ),
        (
            "[functions.api]",
            '[functions.api]\npolicy = { groups = ["none"] }',
            ["functions.api.policy.groups", "no group 'none'", "line 4"],
        ),
        (
            "[functions.api]",
            "[functions.api]\nreserved = 1001",
            ["account.limit", "1,001"],
        ),
        (
            "[functions.api]",
            "[functions.api]\ncount = 2\npolicy = { max_concurrency = -1 }",
            ["functions.api.policy.max_concurrency", "line 5"],
        ),
        ("length_s = 60", "length_s = ", ["no valid TOML", "line 1"]),
        ("length_s = 60", 'length_s = 60\ntitle = "\\u001b[31m"', ["title", "line 2"]),
        (
            '"fixed", ms = 100',
            '"lognormal", p50_ms = 5e-324, p99_ms = 1',
            ["functions.api.duration.p50_ms", "line 6"],
        ),
        (
            '"poisson", rate = 1',
            '"burst", count = 1, every_s = 1e-300',
            ["functions.api.arrivals[0].every_s", "line 7"],
        ),
        *(
            (
                "[functions.api]",
                f"[functions.api]\npolicy = {{ max_concurrency = {value} }}",
                ["functions.api.policy.max_concurrency", got, "line 4"],
            )
            for value, got in [("nan", "float"), ("inf", "float"), ("2024-01-01", "date")]
        ),
        (
            "[functions.api]",
            "[governor.policy.functions.api]\nmax_concurrency = 3\n[functions.api]",
            ["governor.policy.functions.api", "write this to functions.api.policy", "line 3"],
        ),
        (
            "[functions.api]",
            '[functions.api]\npolicy = { priority = "background" }',
            ["functions.api.policy.priority", "remove it here", "line 4"],
        ),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    said = complaint(GOOD.replace(old, new, 1))
    assert all(word in said for word in words), said


def test_a_scenario_without_functions_says_so() -> None:
    assert "at least one function" in complaint("length_s = 60")


def test_a_missing_file_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no-such\.toml.*knock"):
        read(str(tmp_path / "no-such.toml"))


def test_text_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match="UTF-8"):
        read(str(tmp_path / "odd.toml"))


def test_a_byte_order_mark_and_other_line_ends_are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read(str(path)).head.length_s == 60


def test_a_file_that_may_not_be_read_is_named_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text("0\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    text = GOOD.replace('"poisson", rate = 1', '"recorded", file = "t.csv"')
    with pytest.raises(InvalidInputError, match=r"arrivals\[0\]\.file: .*Permission.*line 7"):
        parse(text, tmp_path / "s.toml")


def test_a_family_has_so_many_functions_and_all_are_in_the_policy() -> None:
    found = scenario(MIXED)
    assert [each.name for each in found.functions][:4] == ["api-1", "api-2", "api-3", "worker-1"]
    worker = found.policy.functions["worker-2"]
    assert worker.priority is Priority.BACKGROUND
    assert worker.weights == {"db": 2}
    assert found.policy.account.max_concurrency == 60


@pytest.mark.parametrize("name", shipped())
def test_the_scenarios_that_come_along_are_sound(name: str) -> None:
    assert read(name).head.title


def test_a_file_goes_before_a_scenario_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "knock.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert read("knock.toml") == parse(GOOD, Path("knock.toml"))
    assert len(read("knock").functions) > 1
