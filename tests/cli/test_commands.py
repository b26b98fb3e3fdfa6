"""`governor status`, `get`, `set` and `apply` against a running governor."""

import json
from base64 import b64encode
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from governor import __version__
from governor.demo.ports import free_ports
from tests.cli.conftest import ADMIN, READER, Governed, done, refused, shown
from tests.governors import Governor, run
from tests.strangers import saying, serving

POLICY = """
account: {max_concurrency: 100, headroom: 10}
groups: {etl: {max_concurrency: 5}}
functions: {load: {priority: background, groups: {etl: 2}}}
"""
EMPTY = {
    "account": {"max_concurrency": None, "headroom": 0, "mode": "enforce", "raise": None},
    "controller": {"enabled": True},
    "defaults": {"priority": "user-facing"},
}
COMMANDS = [
    ("status",),
    ("get", "account"),
    ("get", "function", "f"),
    ("get", "group", "g"),
    ("get", "policy"),
    ("set", "account", "--headroom", "1"),
    ("set", "function", "f", "--max-concurrency", "1"),
    ("set", "group", "g", "--max-concurrency", "1"),
    ("apply", "-f", "POLICY"),
    ("apply", "-f", "POLICY", "--dry-run"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a policy."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return file


def test_apply_shows_what_changes_and_changes_it(governed: Governed, file: Path) -> None:
    dry = done(governed("apply", "-f", f"{file}", "--dry-run"))
    assert "+ account.headroom: 10\n" in dry
    assert '+ groups.etl: {"max_concurrency": 5' in dry
    assert dry.endswith("4 settings would change\n")
    assert shown(governed("get", "policy")) == EMPTY
    wet = done(governed("apply", "-f", f"{file}"))
    assert wet == dry.replace("would change", "changed")
    assert shown(governed("get", "policy"))["groups"]["etl"]["max_concurrency"] == 5
    assert done(governed("apply", "-f", f"{file}")) == "0 settings changed\n"
    file.write_text(POLICY.replace("headroom: 10", "headroom: 20"))
    assert done(governed("apply", "-f", f"{file}")) == (
        "- account.headroom: 10\n+ account.headroom: 20\n1 setting changed\n"
    )


def test_apply_takes_json_and_prints_json(governed: Governed, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"account": {"max_concurrency": 3}}))
    change = {"path": "account.max_concurrency", "before": None, "after": 3}
    dry = shown(governed("apply", "-f", f"{file}", "--dry-run", "--json"))
    assert dry == {"applied": False, "changes": [change]}
    assert shown(governed("apply", "-f", f"{file}", "--json")) == {
        "applied": True,
        "changes": [change],
    }


def test_status_prints_every_scope(governed: Governed, file: Path) -> None:
    done(governed("apply", "-f", f"{file}"))
    table = done(governed("status"))
    for scope in ("account", "group:etl", "function:load"):
        assert scope in table
    scopes = {scope["scope"]: scope for scope in shown(governed("status", "--json"))["scopes"]}
    assert list(scopes) == ["account", "group:etl", "function:load"]
    assert scopes["group:etl"]["max_concurrency"] == 5


def test_what_is_set_can_be_got(governed: Governed) -> None:
    group = shown(
        governed("set", "group", "db", "--max-concurrency", "9", "--headroom", "2",
                 "--mode", "shadow", "--member", "a-*", "--member", "b")
    )  # fmt: skip
    assert group == shown(governed("get", "group", "db"))
    assert group["members"]["functions"] == ["a-*", "b"]
    assert (group["max_concurrency"], group["headroom"], group["mode"]) == (9, 2, "shadow")
    function = shown(
        governed("set", "function", "f", "--max-concurrency", "3", "--priority", "background",
                 "--group", "db=2", "--max-attempts", "4", "--not-shared", "--share", "3",
                 "--allow-pause", "--max-batch-size", "50")
    )  # fmt: skip
    assert function == shown(governed("get", "function", "f"))
    assert function == {
        "max_concurrency": 3,
        "priority": "background",
        "groups": {"db": 2},
        "mode": "enforce",
        "max_attempts": 4,
        "shared": False,
        "share": 3,
        "allow_pause": True,
        "max_batch_size": 50,
    }
    account = shown(governed("set", "account", "--max-concurrency", "70", "--headroom", "7"))
    assert account == shown(governed("get", "account"))
    assert (account["max_concurrency"], account["headroom"]) == (70, 7)


def test_set_changes_only_what_is_named(governed: Governed) -> None:
    done(governed("set", "function", "f", "--max-concurrency", "3", "--max-attempts", "4"))
    changed = shown(governed("set", "function", "f", "--max-concurrency", "none", "--shared"))
    assert (changed["max_concurrency"], changed["max_attempts"]) == (None, 4)


def test_none_makes_a_new_entry_without_a_limit(governed: Governed) -> None:
    assert shown(governed("set", "group", "g", "--max-concurrency", "none"))[
        "max_concurrency"
    ] is None  # fmt: skip


def test_flags_go_before_the_environment(guarded: Governor, governed: Governed) -> None:
    (port,) = free_ports(1)
    nowhere = f"http://127.0.0.1:{port}"
    done(governed("status", "--url", guarded.url, "--token", ADMIN,
                  GOVERNOR_URL=nowhere, GOVERNOR_TOKEN=READER))  # fmt: skip
    assert nowhere in refused(governed("status", GOVERNOR_URL=nowhere), 1)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_absent_governor_is_told(command: tuple[str, ...], file: Path) -> None:
    (port,) = free_ports(1)
    command = tuple(f"{file}" if word == "POLICY" else word for word in command)
    complaint = refused(run(*command, "--url", f"http://127.0.0.1:{port}"), 1)
    assert f"no governor answers at http://127.0.0.1:{port}" in complaint
    assert "governor serve" in complaint


@pytest.mark.parametrize("command", [("status",), ("top",), ("record", "--to", "traffic")])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "127.0.0.1:8642",
        "http://",
        "ftp://127.0.0.1",
        "http://127.0.0.1:x",
        "http://127.0.0.1:99999",
        "http://exa mple",
        "http://me:secret@exa mple",
    ],
)
def test_an_address_that_is_none_is_wrong_use(command: tuple[str, ...], url: str) -> None:
    complaint = refused(run(*command, "--url", url), 2)
    assert "'--url'" in complaint
    assert "expected http://host:port or https://host" in complaint
    assert "secret" not in complaint


def test_a_token_that_no_header_can_carry_is_wrong_use() -> None:
    for token in ("", "a\nb", "a b", "tökén"):
        complaint = refused(run("status", "--token", token), 2)
        assert "'--token'" in complaint
        assert "expected ASCII without spaces" in complaint
        assert "a\nb" not in complaint


def test_a_password_in_the_address_is_not_told() -> None:
    (port,) = free_ports(1)
    url = f"http://me:secret@127.0.0.1:{port}/x"
    assert f"answers at http://127.0.0.1:{port}/x (" in refused(run("status", "--url", url), 1)
    assert "secret" not in refused(run("status", "--url", url, "--token", "t"), 2)


def test_a_password_in_the_address_is_sent() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        saying(b'{"authorization": "%b"}' % request.headers["Authorization"].encode())(request)

    with serving(answer) as url:
        told = shown(run("get", "account", "--url", url.replace("//", "//me:secret@")))
    assert told == {"authorization": f"Basic {b64encode(b'me:secret').decode()}"}


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_token_is_told(governed: Governed, token: str) -> None:
    assert "token" in refused(governed("status", GOVERNOR_TOKEN=token), 1)


def test_a_readers_token_changes_nothing(governed: Governed, file: Path) -> None:
    done(governed("status", GOVERNOR_TOKEN=READER))
    for command in [("set", "account", "--headroom", "1"), ("apply", "-f", f"{file}")]:
        assert "admin" in refused(governed(*command, GOVERNOR_TOKEN=READER), 1)
    assert shown(governed("get", "policy")) == EMPTY


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("get", "function", "none"), "no function 'none'"),
        (("get", "group", "none"), "no group 'none'"),
        (("get", "function", "a/b"), "name"),
        (("set", "function", "grö ße", "--max-concurrency", "1"), "name"),
        (("set", "function", "f", "--group", "none"), "there is no group 'none'"),
        (("set", "function", "f", "--max-concurrency", "-1"), "max_concurrency"),
        (("set", "account", "--max-concurrency", "1", "--headroom", "2"), "headroom"),
    ],
    ids=str,
)
def test_what_the_governor_refuses_is_told(
    governed: Governed, command: tuple[str, ...], complaint: str
) -> None:
    assert complaint in refused(governed(*command), 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("groups: [", "no valid YAML"),
        ("surprise: 1", "surprise"),
        ("functions: {f: {groups: [none]}}", "functions.f.groups"),
        ("account: {max_concurrency: 1, headroom: 2}", "account.headroom"),
    ],
)
@pytest.mark.parametrize("option", [(), ("--dry-run",)], ids=["wet", "dry"])
def test_a_bad_policy_is_told(
    governed: Governed, tmp_path: Path, text: str, complaint: str, option: tuple[str, ...]
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    assert complaint in refused(governed("apply", "-f", f"{file}", *option), 1)
    assert shown(governed("get", "policy")) == EMPTY


@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",),
        ("status", "--nonsense"),
        ("get",),
        ("get", "function"),
        ("set", "account"),
        ("set", "account", "--headroom", "-1"),
        ("set", "account", "--max-concurrency", "many"),
        ("set", "function", "f", "--priority", "urgent"),
        ("set", "function", "f", "--group", "g=x"),
        ("set", "function", "f", "--group", "g", "--no-group"),
        ("set", "function", "f", "--share", "0"),
        ("apply",),
        ("apply", "-f", "/nonexistent/policy.yaml"),
        ("apply", "-f", "/"),
        ("serve", "--workers", "0"),
        ("serve", "--listen", "nonsense"),
        ("serve", "--listen", "example.org:80"),
        ("serve", "--listen", "127.0.0.1:70000"),
        ("serve", "--pool", "a b"),
        ("serve", "--pool", "{a}"),
        ("serve", "--pool", ""),
        ("serve", "--listen", "127.0.0.1:0", "--store", "nonsense"),
        ("serve", "--listen", "127.0.0.1:0", "--store", "http://127.0.0.1"),
        ("serve", "--listen", "127.0.0.1:0", "--store", "redis+sentinel://127.0.0.1:1"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_status_2(command: tuple[str, ...]) -> None:
    refused(run(*command), 2)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("p.yaml", None, "No such file"),
        ("p.yaml", "", "empty"),
        ("p.yaml", "groups: [", "no valid YAML"),
        ("p.json", "groups: {}", "no valid JSON"),
        ("p.yaml", "groups: &a {b: *a}", "alias"),
        ("p.yaml", "functions: {f: {groups: [none]}}", "functions.f.groups"),
    ],
    ids=str,
)
def test_a_service_refuses_a_bad_policy_file(
    tmp_path: Path, name: str, text: str | None, complaint: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    ended = run("serve", "--listen", "127.0.0.1:0", "--data-dir", f"{tmp_path}",
                "--policy", f"{file}")  # fmt: skip
    complained = refused(ended, 2)
    assert complaint in complained
    assert f"{file}" in complained


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    ended = run("serve", "--listen", "127.0.0.1:0", "--data-dir", f"{file / 'below'}")
    assert "--data-dir" in refused(ended, 2)


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(flag: str) -> None:
    text = done(run(flag))
    for command in ("serve", "status", "apply", "get", "set"):
        assert f"  {command} " in text


def test_the_version_is_told() -> None:
    assert __version__ in done(run("--version"))


def test_serve_reads_its_settings_from_the_environment(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    variables = {
        "GOVERNOR_DATA_DIR": f"{tmp_path / 'data'}",
        "GOVERNOR_POLICY": f"{policy}",
        "GOVERNOR_WORKERS": "2",
        "GOVERNOR_POOL": "mine",
    }
    with Governor(**variables) as governor:
        assert (tmp_path / "data").is_dir()
        assert len(governor.workers()) == 2
        account = shown(run("get", "account", "--url", governor.url))
        assert account["max_concurrency"] == 100


def test_groups_that_are_not_named_any_more_are_left(governed: Governed) -> None:
    for name in ("a", "b"):
        done(governed("set", "group", name, "--headroom", "0"))
    set_f = ("set", "function", "f", "--group")
    assert shown(governed(*set_f, "a=2"))["groups"] == {"a": 2}
    assert shown(governed(*set_f, "b"))["groups"] == {"b": 1}
    assert shown(governed("set", "function", "f", "--no-group"))["groups"] == {}
    assert shown(governed("get", "function", "f"))["groups"] == {}
