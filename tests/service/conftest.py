"""Governors that tests share, each test with names and ids of its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.governors import Governor


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    """One governor with an embedded store, whatever its policy is by now."""
    with Governor("--data-dir", str(tmp_path_factory.mktemp("shared"))) as governor:
        yield governor


@pytest.fixture
def governor(shared: Governor) -> Governor:
    """The shared governor with an empty policy. Leases of earlier tests may still be held."""
    shared.put("/v1/policy", {})
    return shared


@pytest.fixture
def name() -> str:
    """A function's name that no other test uses."""
    return f"f-{secrets.token_hex(6)}"


@pytest.fixture
def replicas(valkey_url: str, pool: str) -> Iterator[tuple[Governor, Governor]]:
    """Two services on one store."""
    options = ("--store", valkey_url, "--pool", pool)
    with Governor(*options) as one, Governor(*options) as other:
        yield one, other


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Governor]:
    """A governor of the test's own, to be ill-treated."""
    with Governor("--data-dir", str(tmp_path / "data")) as governor:
        yield governor
