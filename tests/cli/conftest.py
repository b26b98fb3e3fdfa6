"""Fixtures of the command line's tests: one governor that all of them talk to."""

import json
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.governors import Governor, run

Ended = subprocess.CompletedProcess[str]
Governed = Callable[..., Ended]

ADMIN, READER = "the-admins", "the-readers"


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    """A governor that wants tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    tokens = folder / "tokens"
    tokens.write_text(
        "".join(
            f"{role} {sha256(token.encode()).hexdigest()}\n"
            for role, token in (("admin", ADMIN), ("reader", READER))
        )
    )
    with Governor("--data-dir", f"{folder / 'data'}", "--tokens", f"{tokens}") as governor:
        yield governor


@pytest.fixture
def governed(guarded: Governor, tmp_path: Path) -> Governed:
    """Runs `governor` as the admin of a governor that has an empty policy."""

    def governed(*arguments: str, **variables: str) -> Ended:
        return run(*arguments, **{"GOVERNOR_URL": guarded.url, "GOVERNOR_TOKEN": ADMIN} | variables)

    empty = tmp_path / "empty.yaml"
    empty.write_text("{}")
    done(governed("apply", "-f", f"{empty}"))
    return governed


def done(ended: Ended) -> str:
    """What a command that did its work has printed."""
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def shown(ended: Ended) -> dict[str, Any]:
    """The JSON object that a command has printed."""
    value: dict[str, Any] = json.loads(done(ended))
    return value


def refused(ended: Ended, status: int) -> str:
    """The complaint of a command that failed with `status`."""
    assert ended.returncode == status, ended
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert ended.stderr
    return ended.stderr
