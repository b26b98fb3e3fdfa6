"""Stores that are lost and come back, processes that are killed, settings that can't work."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from governor.ledger.embedded import valkey_binary
from tests.governors import Governor, data_dir, run_governor
from tests.stores import NO_PERSISTENCE, Server, wait_until

AT_ONCE_S = 3.0
"""Generous: what must not happen is that a request waits for as long as the store is away."""


@pytest.fixture
def store() -> Iterator[Server]:
    with Server(valkey_binary(), *NO_PERSISTENCE) as server:
        yield server


@pytest.fixture
def served(store: Server) -> Iterator[Governor]:
    with Governor("--store", store.url) as governor:
        governor.put("/v1/functions/f", {"max_concurrency": 2})
        yield governor


def is_refused_at_once(governor: Governor) -> bool:
    begin = time.monotonic()
    replies = [governor.acquire("x"), governor.call("GET", "/v1/status")]
    assert time.monotonic() - begin < AT_ONCE_S
    return [reply.status for reply in replies] == [503, 503]


def test_a_store_that_is_killed_and_comes_back(served: Governor, store: Server) -> None:
    assert served.acquire("a").status == 201
    store.kill()
    assert is_refused_at_once(served)
    refused = served.acquire("b")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert served.call("GET", "/readyz").status == 503
    assert served.call("GET", "/healthz").status == 200
    assert "governor_store_up 0.0" in served.metrics()
    assert 'governor_acquires_total{function="f",result="unavailable"}' in served.metrics()

    store.restart()  # with nothing in it: neither library nor policy nor leases
    wait_until(served.is_ready, "the store is back")
    assert served.call("GET", "/v1/functions/f").body["max_concurrency"] == 2
    renewed = served.call("POST", "/v1/leases/a/renew", {"function": "f", "ttl_ms": 60_000})
    assert renewed.body["reinstated"] is True
    assert served.acquire("b").status == 201
    assert served.acquire("c").status == 429
    assert "governor_store_up 1.0" in served.metrics()


def test_a_store_that_hangs(served: Governor, store: Server) -> None:
    assert served.acquire("a").status == 201
    store.freeze()
    assert is_refused_at_once(served)
    assert served.call("GET", "/readyz").status == 503
    store.resume()
    wait_until(served.is_ready, "the store is back")
    assert served.acquire("a").status == 200  # it is still held, and not granted twice
    assert served.in_use("function:f") >= 1


def test_a_store_that_lost_its_data_while_connected(served: Governor, store: Server) -> None:
    served.acquire("a")
    with store.client() as client:
        client.flushall()
        client.function_flush()
    assert served.acquire("b").status == 201
    assert served.call("GET", "/v1/functions/f").body["max_concurrency"] == 2


def test_a_store_that_is_not_there_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"functions": {"f": {"max_concurrency": 1}}}')
    with Server(valkey_binary(), *NO_PERSISTENCE) as store:
        store.kill()
        with Governor("--store", store.url, "--policy", str(file)) as governor:
            assert is_refused_at_once(governor)
            assert governor.call("GET", "/readyz").status == 503
            store.restart()
            wait_until(governor.is_ready, "the store is there")
            wait_until(
                lambda: governor.call("GET", "/v1/functions/f").status == 200, "the file is loaded"
            )
            assert governor.acquire("a").status == 201
            assert governor.acquire("b").status == 429


def test_no_id_is_granted_twice_through_losses(served: Governor, store: Server) -> None:
    served.put("/v1/functions/f", {})
    granted: list[str] = []
    for turn in range(3):
        for number in range(40):
            if number == 20:
                store.freeze()
            if number == 25:
                store.resume()
            if served.acquire(f"{turn}:{number % 30}").status == 201:
                granted.append(f"{turn}:{number % 30}")
        wait_until(served.is_ready, "the store is back")
    assert len(granted) == len(set(granted))
    assert granted


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with Governor(*data_dir(tmp_path), "--workers", "2") as governor:
        governor.put("/v1/functions/f", {"max_concurrency": 1})
        first, second = governor.children("governor.service.worker")
        first.kill()
        wait_until(
            lambda: len({p.pid for p in governor.children("service.worker")} - {first.pid}) == 2,
            "another worker",
        )
        for number in range(20):
            assert governor.acquire(f"{number}").status == 201
            assert governor.release(f"{number}") == 204
        assert second.is_running()


def test_everything_ends_with_the_supervisor(embedded: Governor) -> None:
    assert embedded.children("valkey-server")
    embedded.kill()  # waits until its children have ended


def test_two_on_one_data_directory(embedded: Governor, tmp_path: Path) -> None:
    second = run_governor("serve", "--listen", "127.0.0.1:0", *data_dir(tmp_path))
    assert second.returncode == 1
    assert "in use by another governor" in second.stderr
    assert "--data-dir" in second.stderr
    assert embedded.is_ready()


def test_two_on_one_port(embedded: Governor, tmp_path: Path) -> None:
    address = embedded.url.removeprefix("http://")
    for workers in ("1", "2"):
        second = run_governor(
            "serve", "--listen", address, "--workers", workers, "--data-dir", str(tmp_path / "b")
        )
        assert second.returncode == 2, second
        assert address in second.stderr
        assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--listen", "0.0.0.0:0"), "--tokens"),
        (("--listen", "nowhere"), "--listen nowhere"),
        (("--listen", "127.0.0.1:99999"), "65535"),
        (("--store", "mysql://here"), "unknown scheme"),
        (("--store", "redis://:secret@127.0.0.1:port"), "--store"),
        (("--pool", "a b"), "--pool"),
        (("--workers", "0"), "--workers"),
        (("--policy", "/nonexistent/policy.yaml"), "/nonexistent/policy.yaml"),
        (("--tokens", "/nonexistent/tokens"), "/nonexistent/tokens"),
        (("--unknown",), "--unknown"),
    ],
)
def test_settings_that_cannot_work(
    tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    result = run_governor("serve", "--listen", "127.0.0.1:0", *data_dir(tmp_path), *options)
    assert result.returncode == 2, result
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "a: &a [*a]",
        "functions: {f: {max_concurrency: -1}}",
        "groups: {g: {headroom: x}}",
    ],
)
def test_a_policy_file_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    result = run_governor(
        "serve", "--listen", "127.0.0.1:0", *data_dir(tmp_path), "--policy", str(file)
    )
    assert result.returncode == 2, result
    assert str(file) in result.stderr
    assert "Traceback" not in result.stderr
