"""The command: table, JSON, page, and how it refuses."""

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from governor.cli import governor
from governor.simulate.comparison import compare
from governor.simulate.html import page
from governor.simulate.results import estimate
from tests.governors import run
from tests.simulate.small import MIXED, scenario


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mixed.toml"
    path.write_text(MIXED)
    return str(path)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(governor, ["simulate", *arguments])


def test_the_table_has_a_column_for_each_policy(file: str) -> None:
    result = invoke(file, "--seeds", "2")
    assert result.exit_code == 0, result.output
    heading = next(line for line in result.output.splitlines() if "oracle" in line)
    assert heading.split() == ["none", "reserved", "sqs-max", "governor", "oracle"]
    p99 = next(line for line in result.output.splitlines() if " p99 " in line)
    assert re.search(r"\d ± \d+ ms", p99)


def test_a_narrow_terminal_gets_the_means(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor.simulate.tables.console", lambda: Console(width=80))
    result = invoke(file, "--seeds", "2")
    rows = result.output.splitlines()
    p99 = next(line for line in rows if " p99 " in line)
    assert re.fullmatch(r" +p99( +[\d,]+ ms){5} *", p99)
    assert len(rows) < 40, "no row takes two lines"


def test_json_has_the_estimates_and_the_runs(file: str) -> None:
    result = invoke(file, "--seeds", "2", "--policy", "oracle", "--policy", "none", "--json")
    document = json.loads(result.stdout)
    assert document["seeds"] == [1, 2]
    assert list(document["policies"]) == ["oracle", "none"]
    none = document["policies"]["none"]
    runs = [each["user_requests"] for each in none["runs"]]
    assert none["estimates"]["user_requests"]["mean"] == pytest.approx(sum(runs) / 2)
    assert document["policies"]["oracle"]["runs"][0]["user_requests"] == runs[0]


def test_the_page_needs_nothing_else(file: str, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    result = invoke(file, "--seeds", "1", "--policy", "governor", "--html", str(target))
    assert result.exit_code == 0, result.output
    text = target.read_text(encoding="utf-8")
    assert text.count("<svg") == 1
    assert "limit 60" in text
    assert "headroom 10" in text
    assert "queues may take" in text
    assert "What the controller did" in text
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\((?!#)", text)


def test_equal_runs_give_equal_pages() -> None:
    given = scenario(MIXED)
    pages = {page(compare(given, ["governor"], 1, lambda *_: None)) for _ in range(2)}
    assert len(pages) == 1


def test_titles_are_text_and_no_markup() -> None:
    given = scenario('title = "<script>alert(1)</script>"\n' + MIXED)
    assert "<script" not in page(compare(given, ["none"], 1, lambda *_: None))


def test_flaws_of_recordings_are_reported(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("0\n1\nx\n")
    path = tmp_path / "s.toml"
    path.write_text("""
        length_s = 10
        [functions.api]
        priority = "user-facing"
        source = { kind = "api" }
        duration = { kind = "fixed", ms = 10 }
        arrivals = [{ kind = "recorded", file = "r.csv" }]
    """)
    result = invoke(str(path), "--policy", "none", "--seeds", "2")
    assert result.output.count("r.csv: 3 rows, of which 1 unreadable") == 1


def test_a_title_in_a_table_is_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text('title = "[red]a[/] [/b]"\n' + MIXED)
    result = invoke(str(path), "--seeds", "1", "--policy", "none")
    assert result.exit_code == 0, result.exception
    assert "[red]a[/] [/b]" in result.output


def test_what_is_wrong_is_refused(tmp_path: Path) -> None:
    assert isinstance(invoke(str(tmp_path / "no.toml")).exception, Exception)
    assert invoke("knock", "--policy", "magic").exit_code == 2
    assert invoke("knock", "--seeds", "0").exit_code == 2
    nowhere = invoke("knock", "--html", str(tmp_path / "none" / "r.html"))  # and at once
    assert isinstance(nowhere.exception, SystemExit), nowhere.output
    assert "directory is not there" in nowhere.output


def test_without_numpy_it_says_what_to_install(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = sys.modules["governor.cli.simulate"]  # of that name there is a command, too
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    result = invoke(file, "--html", "x.html")
    assert result.exit_code == 1
    assert "numpy and matplotlib" in result.output
    assert "[simulate]" in result.output


def test_an_estimate_is_a_mean_with_students_bounds() -> None:
    found = estimate([1.0, 2.0, 3.0, None])
    assert found is not None
    assert found.mean == 2
    assert found.high - found.mean == pytest.approx(4.303 / 3**0.5)
    alone = estimate([5])
    assert alone is not None
    assert alone.low == alone.high == 5
    assert estimate([None]) is None


def test_equal_seeds_give_equal_bytes_whatever_is_compared(file: str) -> None:
    def told(hashes: str, *policies: str) -> str:
        arguments = ("simulate", file, "--seeds", "1", "--json", *policies)
        return run(*arguments, PYTHONHASHSEED=hashes).stdout

    everything = told("0")
    assert told("77") == everything
    alone = json.loads(told("5", "--policy", "governor"))["policies"]
    assert alone["governor"] == json.loads(everything)["policies"]["governor"]
