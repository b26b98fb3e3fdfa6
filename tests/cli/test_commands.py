"""The commands that talk to a governor: what they print, and their exit statuses."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.governors import Governor, run_governor

DONE, REFUSED, WRONG_USE = 0, 1, 2
SECRET = "secret"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    with Governor("--data-dir", str(tmp_path_factory.mktemp("cli"))) as governor:
        yield governor


@pytest.fixture
def url(served: Governor) -> str:
    served.put("/v1/policy", {})
    return served.url


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text("account: {max_concurrency: 9}\nfunctions: {f: {max_concurrency: 2}}\n")
    return file


def test_set_and_get_a_function(url: str) -> None:
    run_governor("set", "group", "db", "--max-concurrency", "80", GOVERNOR_URL=url)
    words = "--max-concurrency 5 --priority background --group db=2 --mode shadow --max-attempts 4"
    changed = run_governor("set", "function", "f", *words.split(), "--not-shared", "--url", url)
    read = run_governor("get", "function", "f", "--url", url)
    assert changed.returncode == read.returncode == DONE
    assert json.loads(changed.stdout) == json.loads(read.stdout)
    assert json.loads(read.stdout) == {
        "max_concurrency": 5,
        "priority": "background",
        "groups": {"db": 2},
        "mode": "shadow",
        "max_attempts": 4,
        "shared": False,
    }
    unlimited = run_governor("set", "function", "f", "--max-concurrency", "none", "--url", url)
    assert json.loads(unlimited.stdout)["max_concurrency"] is None
    assert json.loads(unlimited.stdout)["mode"] == "shadow"


def test_set_and_get_a_group_and_the_account(url: str) -> None:
    words = ("--max-concurrency", "10", "--headroom", "3", "--member", "etl-*", "--member", "x")
    run_governor("set", "group", "g", *words, "--url", url)
    group = json.loads(run_governor("get", "group", "g", "--url", url).stdout)
    assert group["members"] == {"functions": ["etl-*", "x"]}
    run_governor("set", "account", "--max-concurrency", "1000", "--headroom", "200", "--url", url)
    account = json.loads(run_governor("get", "account", "--url", url).stdout)
    assert account == {"max_concurrency": 1000, "headroom": 200, "mode": "enforce"}
    document = json.loads(run_governor("get", "policy", "--url", url).stdout)
    assert document["account"] == account


def test_apply_shows_a_diff_and_applies_it(served: Governor, url: str, policy: Path) -> None:
    before = served.call("GET", "/v1/policy").body
    dry = run_governor("apply", "-f", str(policy), "--dry-run", "--url", url)
    assert dry.returncode == DONE
    assert "+ account.max_concurrency: 9" in dry.stdout
    assert '+ functions.f: {"max_concurrency": 2}' in dry.stdout
    assert "2 settings would change" in dry.stdout
    assert served.call("GET", "/v1/policy").body == before

    done = run_governor("apply", "-f", str(policy), "--url", url)
    assert "2 settings changed" in done.stdout
    assert served.call("GET", "/v1/functions/f").body["max_concurrency"] == 2
    again = run_governor("apply", "-f", str(policy), "--json", "--url", url)
    assert json.loads(again.stdout) == {"applied": True, "changes": []}


def test_status_prints_every_scope(served: Governor, url: str, policy: Path) -> None:
    run_governor("apply", "-f", str(policy), "--url", url)
    served.acquire("cli:1")
    table = run_governor("status", "--url", url)
    assert table.returncode == DONE
    assert "account" in table.stdout
    assert "function:f" in table.stdout
    scopes = json.loads(run_governor("status", "--json", "--url", url).stdout)["scopes"]
    assert {"account", "function:f"} <= {scope["scope"] for scope in scopes}


def test_status_fits_a_narrow_terminal(served: Governor, url: str) -> None:
    served.put("/v1/groups/orders-database", {"max_concurrency": 100_000})
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb") as screen:
        subprocess.run(
            [sys.executable, "-m", "governor", "status", "--url", url],
            stdout=follower,
            env=os.environ | {"COLUMNS": "80", "TERM": "xterm"},
            check=True,
        )
        os.close(follower)
        printed = screen.read1(100_000).decode()
    assert "group:orders-database" in printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("get", "function", "nobody"), "nobody"),
        (("set", "function", "f", "--group", "nowhere"), "nowhere"),
        (("set", "account", "--max-concurrency", "1", "--headroom", "2"), "headroom"),
        (("set", "group", "a/b", "--headroom", "1"), "name"),
    ],
)
def test_what_the_governor_refuses(url: str, words: tuple[str, ...], complaint: str) -> None:
    result = run_governor(*words, "--url", url)
    assert result.returncode == REFUSED, result
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("set", "function", "f"),
        ("set", "function", "f", "--max-concurrency", "many"),
        ("set", "function", "f", "--group", "g=heavy"),
        ("set", "function", "f", "--priority", "high"),
        ("apply",),
        ("apply", "-f", "/nonexistent.yaml"),
        ("status", "--nonsense"),
    ],
)
def test_wrong_use(url: str, words: tuple[str, ...]) -> None:
    result = run_governor(*words, GOVERNOR_URL=url)
    assert result.returncode == WRONG_USE, result
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_a_policy_that_makes_no_sense(url: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("functions: {f: {max_concurrency: -1}}")
    result = run_governor("apply", "-f", str(file), "--url", url)
    assert result.returncode == REFUSED
    assert "functions.f.max_concurrency" in result.stderr


def test_no_governor_there() -> None:
    result = run_governor("status", "--url", "http://127.0.0.1:1")
    assert result.returncode == REFUSED
    assert "governor serve" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_token(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"reader {sha256(b'secret').hexdigest()}\n")
    with Governor("--data-dir", str(tmp_path / "data"), "--tokens", str(tokens)) as governor:
        url = governor.url
        assert run_governor("status", "--url", url).returncode == REFUSED
        assert run_governor("status", "--url", url, "--token", "secret").returncode == DONE
        assert run_governor("status", GOVERNOR_URL=url, GOVERNOR_TOKEN=SECRET).returncode == DONE
        change = ("set", "account", "--headroom", "1", "--token", "secret")
        assert run_governor(*change, "--url", url).returncode == REFUSED


@pytest.mark.parametrize("words", [("--help",), ("serve", "--help"), ("--version",)])
def test_help(words: tuple[str, ...]) -> None:
    result = run_governor(*words)
    assert result.returncode == DONE
    assert result.stdout
