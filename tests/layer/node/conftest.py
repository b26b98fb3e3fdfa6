"""What the tests of the layer for Node.js stand on: a process that has loaded it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.layer import toolchain
from tests.layer.node.child import Child


@pytest.fixture(scope="session")
def node() -> Path:
    """The oldest Node.js that the layer is for."""
    return toolchain.node(min(toolchain.MAJORS))


@pytest.fixture(scope="session")
def child(node: Path) -> Iterator[Child]:
    """A process with the layer in it."""
    with Child(node) as process:
        yield process
