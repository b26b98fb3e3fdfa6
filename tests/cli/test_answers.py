"""What commands make of answers: however these are sent, and when they are no governor's."""

from pathlib import Path

import pytest

from governor.printing import print_changes, print_status
from tests.cli.conftest import Governed, done, refused, shown
from tests.governors import Governor, run
from tests.strangers import chunking, saying, serving

POLICY = "account: {max_concurrency: 33}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a policy."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return file


def test_answers_in_chunks_are_answers(guarded: Governor, governed: Governed, file: Path) -> None:
    with serving(chunking(guarded.url)) as url:
        at = ("--url", url)
        assert done(governed("apply", "-f", f"{file}", *at)).endswith("1 setting changed\n")
        assert shown(governed("get", "account", *at))["max_concurrency"] == 33
        assert shown(governed("set", "account", "--headroom", "3", *at))["headroom"] == 3
        assert shown(governed("set", "group", "g", "--headroom", "1", *at))["headroom"] == 1
        assert "33" in done(governed("status", *at))


STRANGERS = {
    "page": (b"<html>Welcome!</html>", "text/html"),
    "nothing": (b"", "text/plain"),
    "empty object": (b"{}", "application/json"),
    "list": (b"[]", "application/json"),
    "null": (b"null", "application/json"),
    "cut off": (b'{"scopes": [', "application/json"),
    "no UTF-8": (b'"\xff"', "application/json"),
    "other scopes": (
        b'{"scopes": [{"scope": "[/x]"}], "store": {}, "controller": {}}',
        "application/json",
    ),
}


@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_governor_is_told(answer: tuple[bytes, str], file: Path) -> None:
    with serving(saying(*answer)) as url:
        for command in [("status",), ("apply", "-f", f"{file}")]:
            complaint = refused(run(*command, "--url", url), 1)
            assert f"what answers at {url} is no governor" in complaint
            assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--json"),
        ("get", "account"),
        ("set", "account", "--headroom", "1"),
        ("controller", "pause"),
    ],
    ids=" ".join,
)
def test_no_command_takes_what_is_no_governor(command: tuple[str, ...]) -> None:
    with serving(saying(b"[]")) as url:
        assert "is no governor" in refused(run(*command, "--url", url), 1)


def test_what_a_governor_tells_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("redis://[fd00::1]:6379/0", "redis://[/bold]:6379/0", "unix:///a:smiley:b"):
        store = {"server": "redis", "version": "7.0", "url": url}
        print_status({"store": store, "scopes": [], "controller": {"report": None}})
        assert f"redis 7.0 at {url}" in capsys.readouterr().out


def test_what_changes_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    change = {"path": "groups.g.members", "before": "[/bold]", "after": "[a-z]*:smiley:"}
    print_changes({"applied": True, "changes": [change]})
    said = capsys.readouterr().out
    assert "- groups.g.members: [/bold]\n+ groups.g.members: [a-z]*:smiley:\n" in said
