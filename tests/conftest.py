"""Fixtures that several layers of the tests share: real stores, AWS on this machine."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from governor.ledger.embedded import valkey_binary
from governor.ledger.keys import POOL_KEYS
from tests.stores import NO_PERSISTENCE, Server, cluster

if TYPE_CHECKING:  # most tests do without AWS, which takes a moment to import
    from governor.demo.aws.fleet import Fleet
    from governor.demo.aws.moto import Moto
    from governor.demo.aws.standin import StandIn


def missing(what: str) -> None:
    """Skip the test for want of `what`; where everything must be there (env CI), fail it."""
    reason = f"{what} is not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def stores() -> list[Server]:
    """The session's shared servers that have been started so far."""
    return []


@pytest.fixture(scope="session")
def valkey_url(stores: list[Server]) -> Iterator[str]:
    """A Valkey server (the embedded one's binary) that keeps nothing on disk."""
    with Server(valkey_binary(), *NO_PERSISTENCE) as server:
        stores.append(server)
        yield server.url


@pytest.fixture(scope="session")
def redis_url(stores: list[Server]) -> Iterator[str]:
    """A Redis server, as the system has it, that keeps nothing on disk."""
    binary = shutil.which("redis-server")
    if binary is None:
        missing("redis-server")
    else:
        with Server(binary, *NO_PERSISTENCE) as server:
            stores.append(server)
            yield server.url


@pytest.fixture(scope="session")
def cluster_url(stores: list[Server]) -> Iterator[str]:
    """A cluster of three Valkey servers, by the address of one of them."""
    with cluster(valkey_binary()) as nodes:
        stores.extend(nodes)
        yield f"redis+cluster://127.0.0.1:{nodes[0].port}"


@pytest.fixture(params=["valkey", "redis"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Each kind of store that a ledger must work on, one after the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def pool(stores: list[Server]) -> Iterator[str]:
    """A pool of the test's own, in whichever shared stores it uses.

    Afterwards the pool may hold documented keys only. It is then removed.
    """
    name = f"test-{secrets.token_hex(6)}"
    yield name
    prefix = f"{{{name}}}:"
    undocumented: set[str] = set()
    for store in stores:
        with store.client() as client:
            keys = [str(key) for key in client.scan_iter(match=f"{{{name}}}*", count=1000)]
            undocumented |= {key for key in keys if key.removeprefix(prefix) not in POOL_KEYS}
            if keys:
                client.delete(*keys)
    assert not undocumented, "keys that governor.ledger.keys does not name"


@pytest.fixture(scope="session")
def rie() -> Path:
    """AWS's emulator of Lambda's runtime interface."""
    from governor.demo.rie import EmulatorMissingError, default_cache, emulator  # noqa: PLC0415

    try:
        return emulator(default_cache())
    except EmulatorMissingError as error:
        missing(f"AWS's Lambda emulator ({error})")
        raise


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Moto]":
    """AWS, as far as moto has it."""
    from governor.demo.aws.moto import Moto  # noqa: PLC0415 - see above

    server = Moto(tmp_path_factory.mktemp("moto") / "output")
    yield server
    server.close()


@pytest.fixture(scope="session")
def _fleet(moto: "Moto") -> "Iterator[Fleet]":
    from governor.demo.aws.fleet import Fleet  # noqa: PLC0415 - see above

    with Fleet(moto) as fleet:
        yield fleet


@pytest.fixture
def fleet(_fleet: "Fleet") -> "Fleet":
    """An account that is empty at first."""
    _fleet.empty()
    return _fleet


@pytest.fixture
def standin(fleet: "Fleet", moto: "Moto", monkeypatch: pytest.MonkeyPatch) -> "Iterator[StandIn]":
    """The stand-in before the account; boto3 in this process and its children goes to it."""
    from governor.demo.aws.moto import ENVIRONMENT  # noqa: PLC0415 - see above
    from governor.demo.aws.standin import StandIn  # noqa: PLC0415

    assert fleet is not None
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    with StandIn(moto) as standin:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url}.items():
            monkeypatch.setenv(name, value)
        yield standin
