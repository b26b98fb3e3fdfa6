"""Waiting for a lease (rule 12), at one service and over two."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from redis import Redis

from governor.ledger.embedded import valkey_binary
from tests.governors import Governor, Reply
from tests.stores import NO_PERSISTENCE, Server, wait_until

LONG_MS = 20_000
Replicas = tuple[Governor, Governor]


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    """Threads for clients that wait."""
    with ThreadPoolExecutor(16) as threads:
        yield threads


class Queue:
    """The queue of a pool, as clients see it that wait in it."""

    def __init__(self, store: str, pool: str, threads: ThreadPoolExecutor) -> None:
        """Let clients wait on `threads`."""
        self._store = store
        self._key = f"{{{pool}}}:queue"
        self._threads = threads

    def join(self, governor: Governor, id_: str, function: str = "f") -> "Future[Reply]":
        """Let a client wait, and return when it is in the queue."""
        future = self._threads.submit(governor.acquire, id_, function, wait_ms=LONG_MS)
        wait_until(lambda: self.has(id_), f"{id_} waits")
        return future

    def has(self, id_: str) -> bool:
        """Whether the check-in `id_` waits."""
        with Redis.from_url(self._store) as client:
            members = client.zrange(self._key, 0, -1)
        return any(member.endswith(id_.encode()) for member in members)


@pytest.fixture
def queue(valkey_url: str, pool: str, background: ThreadPoolExecutor) -> Queue:
    """The queue of the replicas' pool."""
    return Queue(valkey_url, pool, background)


def test_first_come_first_served(replicas: Replicas, queue: Queue) -> None:
    replicas[0].put("/v1/functions/f", {"max_concurrency": 1})
    replicas[0].acquire("held")
    order: list[str] = []
    futures = []
    for number in range(6):
        id_ = f"w{number}"
        future = queue.join(replicas[number % 2], id_)
        future.add_done_callback(partial(_note, order, id_))
        futures.append(future)
    replicas[0].release("held")
    for number, future in enumerate(futures):
        assert future.result(10).status == 201
        replicas[number % 2].release(f"w{number}")
    assert order == [f"w{number}" for number in range(6)]


def _note(order: list[str], id_: str, _: object) -> None:
    order.append(id_)


def test_user_facing_before_background(replicas: Replicas, queue: Queue) -> None:
    one, other = replicas
    one.put(
        "/v1/policy",
        {"account": {"max_concurrency": 1}, "functions": {"b": {"priority": "background"}}},
    )
    one.acquire("held")
    late = queue.join(one, "b", "b")
    early = queue.join(other, "u", "u")
    one.release("held")
    assert early.result(10).status == 201
    assert not late.done()
    other.release("u")
    assert late.result(10).status == 201


def test_a_release_at_one_wakes_a_waiter_at_the_other(replicas: Replicas, queue: Queue) -> None:
    replicas[0].put("/v1/functions/f", {"max_concurrency": 1})
    for turn in range(20):
        replicas[0].acquire(f"held{turn}")
        future = queue.join(replicas[1], f"w{turn}")
        replicas[0].release(f"held{turn}")
        assert future.result(5).status == 201  # long before its 20 s are up
        replicas[0].release(f"w{turn}")


def test_a_raised_limit_wakes_a_waiter_at_the_other(replicas: Replicas, queue: Queue) -> None:
    replicas[0].put("/v1/functions/f", {"max_concurrency": 0})
    future = queue.join(replicas[1], "w")
    replicas[0].put("/v1/functions/f", {"max_concurrency": 1})
    assert future.result(5).status == 201


def test_an_expiry_wakes_a_waiter(replicas: Replicas, queue: Queue) -> None:
    replicas[0].put("/v1/functions/f", {"max_concurrency": 1})
    replicas[0].acquire("held", ttl_ms=1000)
    future = queue.join(replicas[1], "w")
    assert future.result(10).status == 201


def test_who_waited_at_a_service_that_was_killed_gets_nothing(
    replicas: Replicas, queue: Queue
) -> None:
    one, other = replicas
    one.put("/v1/functions/f", {"max_concurrency": 1})
    one.acquire("held")
    lost = queue.join(other, "lost")
    found = queue.join(one, "found")
    (worker,) = other.children("governor.service.worker")
    worker.kill()
    assert isinstance(lost.exception(10), OSError)
    one.release("held")
    assert found.result(5).status == 201


def test_a_client_that_hangs_up_holds_nothing(replicas: Replicas, queue: Queue) -> None:
    governor = replicas[0]
    governor.put("/v1/functions/f", {"max_concurrency": 1})
    governor.acquire("held")
    connection = HTTPConnection(urlsplit(governor.url).netloc)
    connection.request(
        "POST", "/v1/leases", b'{"id":"gone","function":"f","ttl_ms":60000,"wait_ms":20000}'
    )
    wait_until(lambda: queue.has("gone"), "it waits")
    connection.close()
    wait_until(lambda: not queue.has("gone"), "it left the queue")
    governor.release("held")
    assert governor.in_use("function:f") == 0


def test_a_wait_that_is_in_vain_is_a_denial(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 0})
    denied = governor.acquire(f"{name}:a", name, wait_ms=100)
    assert (denied.status, denied.body["denied_by"]) == (429, f"function:{name}")
    assert governor.scopes()[f"function:{name}"]["denied"] == 1


def test_a_wait_that_is_not_needed_is_none(governor: Governor, name: str) -> None:
    assert governor.acquire(f"{name}:a", name, wait_ms=LONG_MS).status == 201


def test_the_store_hears_nothing_while_nothing_changes(background: ThreadPoolExecutor) -> None:
    with (
        Server(valkey_binary(), *NO_PERSISTENCE) as store,
        Governor("--store", store.url, "--pool", "quiet") as governor,
    ):
        governor.put("/v1/functions/f", {"max_concurrency": 1})
        governor.acquire("held")
        future = Queue(store.url, "quiet", background).join(governor, "w")
        before = _commands(store)
        threading.Event().wait(1.5)
        assert _commands(store) == before
        governor.release("held")
        assert future.result(5).status == 201


def _commands(store: Server) -> dict[str, int]:
    """How often each command was called, but for those that asking takes."""
    asking = {"info", "hello", "client|setinfo"}
    processed = store.commands_processed()
    return {command: calls for command, calls in processed.items() if command not in asking}


@pytest.mark.parametrize("limit", [0, 1])
def test_who_waits_gets_an_answer_when_the_service_stops(
    valkey_url: str, pool: str, queue: Queue, limit: int
) -> None:
    with Governor("--store", valkey_url, "--pool", pool) as governor:
        governor.put("/v1/functions/f", {"max_concurrency": limit})
        governor.acquire("held")
        future = queue.join(governor, "w")
        assert governor.stop() == 0
        assert future.result(5).status == 429


def test_a_request_under_way_is_finished_when_the_service_stops(
    background: ThreadPoolExecutor,
) -> None:
    with (
        Server(valkey_binary(), *NO_PERSISTENCE) as store,
        Governor("--store", store.url) as governor,
    ):
        connection, idle = (HTTPConnection(urlsplit(governor.url).netloc) for _ in range(2))
        for each in (connection, idle):
            each.request("GET", "/readyz")
            assert each.getresponse().read()
        store.freeze()
        connection.request("POST", "/v1/leases", b'{"id":"a","function":"f","ttl_ms":60000}')
        governor.call("GET", "/healthz")  # what came before it has been read
        stopping = background.submit(governor.stop)
        idle.sock.settimeout(10)
        assert idle.sock.recv(1) == b""  # closed: the service has begun to stop
        store.resume()
        assert connection.getresponse().status == 201
        connection.close()
        idle.close()
        assert stopping.result(15) == 0
