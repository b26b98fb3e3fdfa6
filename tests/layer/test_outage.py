"""Under AWS's runtime with a real governor that is not there, goes, and comes back."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.governors import Governor
from tests.layer.environments import Launch, error_type, in_use, journal, messages, status
from tests.stores import wait_until


@pytest.fixture
def port() -> Iterator[int]:
    """A port that refuses connections until a governor listens on it, and that nobody else gets.

    Linux lets a socket listen where another one is bound that does not, if both have this option.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def governor(port: int, folder: Path) -> Governor:
    """A governor at a `port` of the test's choice, whose data outlives it in `folder`."""
    return Governor("--listen", f"127.0.0.1:{port}", "--data-dir", str(folder))


def test_a_governor_that_comes_late(port: int, launch: Launch, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{port}"
    environment = launch(url, GOVERNOR_TIMEOUT_MS="2000")
    before = [environment.invoke({}).body["pid"] for _ in range(3)]
    (line,) = journal(environment)
    assert line["message"] == "breaker opened"
    assert "refused" in line["reason"]
    with governor(port, tmp_path):

        def asked() -> bool:
            assert environment.invoke({}).body["pid"] == before[0]
            return "breaker closed" in messages(environment)

        wait_until(asked, "the layer asks again")
        assert status(url)["granted"] == 1
        wait_until(lambda: in_use(url) == 0, "the lease is given back")
    assert messages(environment) == ["breaker opened", "breaker closed"]


def test_an_address_where_nobody_lets_one_in(launch: Launch) -> None:
    with ExitStack() as opened:
        full = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # what the backlog has no room for is neither let in nor refused
            caller = opened.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        environment = launch(url, GOVERNOR_TIMEOUT_MS="300")
        assert all("pid" in environment.invoke({}).body for _ in range(3))
    (line,) = journal(environment)
    assert (line["message"], line["reason"]) == ("breaker opened", "timed out")


def test_closed_it_denies(port: int, launch: Launch) -> None:
    environment = launch(f"http://127.0.0.1:{port}", GOVERNOR_FAIL="closed")
    answer = environment.invoke({})
    assert error_type(answer) == "ConcurrencyLimitExceeded"
    assert "GOVERNOR_FAIL is closed" in answer.body["errorMessage"]
    assert messages(environment) == ["breaker opened", "denied"]


def test_a_governor_that_dies_in_the_middle(port: int, launch: Launch, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{port}"
    gate = tmp_path / "gate"
    gate.touch()
    data = tmp_path / "data"
    with ThreadPoolExecutor(1) as caller:
        with governor(port, data) as dying:
            environment = launch(url, GOVERNOR_TIMEOUT_MS="2000")
            pid = environment.invoke({}).body["pid"]
            answer = caller.submit(environment.invoke, {"until_gone": str(gate)})
            wait_until(lambda: in_use(url) == 1, "the second invocation runs")
            dying.kill()
        gate.unlink()
        assert answer.result().body["pid"] == pid, "what has been granted runs to its end"
    assert environment.invoke({}).body["pid"] == pid
    assert messages(environment) == ["breaker opened"]
    with governor(port, data):
        assert in_use(url) == 1, "its check-out was lost with the governor"

        def told() -> bool:
            environment.invoke({})
            return in_use(url) == 0

        wait_until(told, "the check-out is told again")
        assert status(url)["expired"] == 0
    assert messages(environment) == ["breaker opened", "breaker closed"]
