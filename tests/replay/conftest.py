"""Fixtures of the replay's tests: records and exports in files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from governor.facts import Facts
from governor.policy import Policy
from governor.replay import form
from governor.replay.form import Line

Write = Callable[..., Path]


@pytest.fixture
def recorded(tmp_path: Path) -> Write:
    """Writes a record's file."""

    def recorded(
        lines: Sequence[Line],
        policy: Policy = Policy(),  # noqa: B008 - a value
        facts: Facts = Facts(),  # noqa: B008 - a value
        queue_fed: frozenset[str] = frozenset(),
        name: str = "20231114T221320.000Z.jsonl",
    ) -> Path:
        file = tmp_path / name
        header = form.header(policy, facts, queue_fed)
        file.write_bytes(b"".join(each + b"\n" for each in (header, *map(form.encode, lines))))
        return file

    return recorded


@pytest.fixture
def exported(tmp_path: Path) -> Write:
    """Writes a file of CloudWatch's metrics."""

    def exported(*rows: str, name: str = "metrics.csv") -> Path:
        file = tmp_path / name
        file.write_text("".join(f"{row}\n" for row in rows))
        return file

    return exported
