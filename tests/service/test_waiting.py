"""Waiting for a lease over HTTP (rule 12)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from tests.governors import Start
from tests.service.api import Api, Reply, eventually
from tests.stores import Server

ONE = "{functions: {f: {max_concurrency: 1}}}"
LONG_MS = 30_000
ASKING = {"info", "client|setinfo", "hello"}
"""Commands of the test's own questions."""


@asynccontextmanager
async def crowd() -> AsyncIterator[Callable[..., "asyncio.Task[Reply]"]]:
    """Lets clients wait, by id and function; those that still do hang up when it ends."""
    tasks: list[asyncio.Task[Reply]] = []

    def wait(
        api: Api, id_: str, function: str, wait_ms: int = LONG_MS, **fields: int
    ) -> "asyncio.Task[Reply]":
        asked = api.check_in(id_, function, wait_ms=wait_ms, **fields)
        tasks.append(asyncio.create_task(asked))
        return tasks[-1]

    try:
        yield wait
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def queue_of(store: Server, length: int) -> None:
    """Return once `length` acquires wait, which only the store knows."""
    with store.client() as client:

        async def is_so_long() -> bool:
            return bool(client.zcard("{default}:queue") == length)

        await eventually(is_so_long, f"{length} acquires wait")


async def test_who_waits_gets_the_lease_that_another_gives_back(api: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("first", "f")
    started = time.monotonic()
    async with crowd() as wait:
        waiting = wait(api, "second", "f")
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await api.check_out("first")
        reply = await waiting
    assert reply.status == 201
    assert reply.json["scopes"] == ["function:f", "account"]
    assert time.monotonic() - started < LONG_MS / 1000 / 2
    assert await api.holders() == ["second"]


async def test_time_that_runs_out_is_a_denial(api: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("first", "f")
    started = time.monotonic()
    problem = await api.denied("second", "f", wait_ms=300)
    assert time.monotonic() - started >= 0.3
    assert (problem["denied_by"], problem["in_use"]) == ("function:f", 1)
    await api.check_out("first")
    assert await api.holders() == []
    assert await api.in_use("function:f") == 0


async def test_who_need_not_wait_does_not(api: Api) -> None:
    started = time.monotonic()
    await api.granted("first", "f", wait_ms=LONG_MS)
    assert time.monotonic() - started < LONG_MS / 1000 / 2


async def test_user_facing_goes_first_then_first_come(start: Start, own_store: Server) -> None:
    one = start("--store", own_store.url)
    another = start("--store", own_store.url)
    async with Api(one.url) as api, Api(another.url) as other, crowd() as wait:
        await api.set_policy(
            """
            account: {max_concurrency: 1}
            functions: {batch: {priority: background}, page: {priority: user-facing}}
            """
        )
        await api.granted("holder", "page")
        arrivals = ["batch-1", "page-1", "batch-2", "page-2", "page-3", "batch-3"]
        tasks = {}
        for number, id_ in enumerate(arrivals, 1):
            tasks[id_] = wait((api, other)[number % 2], id_, id_.partition("-")[0])
            await queue_of(own_store, number)
        holder, order = "holder", []
        while tasks:
            await other.check_out(holder)
            done, _ = await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
            (granted,) = done
            assert granted.result().status == 201
            holder = granted.result().json["id"]
            order.append(holder)
            del tasks[holder]
        assert order == ["page-1", "page-2", "page-3", "batch-1", "batch-2", "batch-3"]


@pytest.mark.parametrize("hung_up_at", ["this replica", "another replica"])
async def test_who_hangs_up_while_waiting_holds_nothing(
    api: Api, other: Api, hung_up_at: str
) -> None:
    await api.set_policy(ONE)
    replica = api if hung_up_at == "this replica" else other

    async def is_free() -> bool:
        return await api.in_use("function:f") == 0

    for turn in range(50):
        await api.granted(f"holder-{turn}", "f")
        async with crowd() as wait:
            waiting = wait(replica, f"gone-{turn}", "f")
            await asyncio.sleep(0.001 * (turn % 20))
            waiting.cancel()
            await asyncio.wait([waiting])  # the connection is closed
            await api.check_out(f"holder-{turn}")
        await eventually(is_free, f"nothing is held, turn {turn}")


async def test_a_release_wakes_who_waits_at_another_replica(api: Api, other: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("0", "f")
    for turn in range(50):
        here, there = (api, other) if turn % 2 else (other, api)
        async with crowd() as wait:
            waiting = wait(there, f"{turn + 1}", "f")
            await asyncio.sleep(0.01)
            await here.check_out(f"{turn}")
            released = time.monotonic()
            assert (await waiting).status == 201
            assert time.monotonic() - released < 1.0


async def test_a_raised_limit_wakes_who_waits_everywhere(api: Api, other: Api) -> None:
    await api.set_policy("{functions: {f: {max_concurrency: 0}}}")
    async with crowd() as wait:
        waiting = [wait((api, other)[turn % 2], f"{turn}", "f") for turn in range(10)]
        await asyncio.sleep(0.1)
        await other.patch("/v1/functions/f", {"max_concurrency": 4})
        done, still = set[asyncio.Task[Reply]](), set(waiting)
        while len(done) < 4:
            now, still = await asyncio.wait(still, return_when=asyncio.FIRST_COMPLETED)
            done |= now
        assert {task.result().status for task in done} == {201}
        assert await api.in_use("function:f") == 4
        await api.patch("/v1/functions/f", {"max_concurrency": None})
        assert {(await task).status for task in waiting} == {201}


async def test_an_expiry_wakes_who_waits(api: Api, other: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("lost", "f", ttl_ms=200)
    reply = await other.check_in("next", "f", wait_ms=LONG_MS)
    assert reply.status == 201


async def test_clients_with_one_id_wait_for_one_lease(api: Api, other: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("first", "f")
    async with crowd() as wait:
        waiting = [wait(each, "same", "f") for each in (api, api)]
        await asyncio.sleep(0.1)
        await other.check_out("first")
        replies = [await task for task in waiting]
    assert {reply.status for reply in replies} <= {200, 201}
    assert len({reply.json["expires_at_ms"] for reply in replies}) == 1
    assert await api.in_use("function:f") == 1


async def test_of_two_with_one_id_the_other_keeps_its_place(api: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("first", "f")
    async with crowd() as wait:
        gone, patient = (wait(api, "same", "f") for _ in range(2))
        later = wait(api, "later", "f")
        await asyncio.sleep(0.2)
        gone.cancel()
        await asyncio.wait([gone])
        await asyncio.sleep(0.1)  # the service notices
        await api.check_out("first")
        assert (await patient).status in {200, 201}
        assert not later.done()
        assert await api.holders() == ["same"]


async def test_who_hangs_up_takes_nothing_from_who_held_its_id_before(
    start: Start, own_store: Server
) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api, crowd() as wait:
        await api.set_policy(ONE)
        await api.granted("held", "f")
        own_store.freeze()
        again = wait(api, "held", "f")
        await asyncio.sleep(0.1)
        again.cancel()
        await asyncio.wait([again])
        await asyncio.sleep(0.1)  # the service notices before it has an answer
        own_store.resume()
        await api.denied("another", "f")
        assert await api.holders() == ["held"]


async def test_a_release_of_who_waits_ends_the_wait(api: Api, other: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("first", "f")
    async with crowd() as wait:
        for there in (api, other):
            waiting = wait(api, "waits", "f")
            await asyncio.sleep(0.2)
            await there.check_out("waits")
            released = time.monotonic()
            (await waiting).problem(429)
            assert time.monotonic() - released < 1.0
    assert await api.holders() == ["first"]


async def test_a_short_lease_lives_until_its_client_has_it(api: Api) -> None:
    await api.set_policy(ONE)
    await api.granted("first", "f")
    async with crowd() as wait:
        waiting = [wait(api, f"w{n}", "f", ttl_ms=1) for n in range(10)]
        await asyncio.sleep(0.2)
        await api.check_out("first")
        for each in asyncio.as_completed(waiting):
            reply = await each
            assert (reply.status, reply.json["overrun"]) == (201, False)
            await api.check_out(reply.json["id"])
    assert (await api.scopes())["function:f"]["overruns"] == 0


async def test_no_place_in_line_outlives_its_client(start: Start, own_store: Server) -> None:
    async def change_the_policy(api: Api, waiting: list["asyncio.Task[Reply]"]) -> None:
        for attempts in cycle((2, 3)):
            if all(task.done() for task in waiting):
                return
            await api.patch("/v1/functions/f", {"max_attempts": attempts})

    governor = start("--store", own_store.url)
    async with Api(governor.url) as api, crowd() as wait:
        await api.set_policy(ONE)
        await api.granted("first", "f")
        for turn in range(10):
            waiting = [wait(api, f"{turn}-{n}", "f", 150 + n) for n in range(25)]
            await asyncio.gather(*(change_the_policy(api, waiting) for _ in range(3)))
            with own_store.client() as client:
                assert client.zcard("{default}:queue") == 0


async def test_nobody_asks_the_store_while_nothing_changes(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api, crowd() as wait:
        await api.set_policy(ONE)
        await api.granted("first", "f")
        waiting = [wait(api, f"w{number}", "f") for number in range(20)]
        await queue_of(own_store, len(waiting))

        async def is_quiet() -> bool:
            before = own_store.commands_processed()
            await asyncio.sleep(1.5)
            after = own_store.commands_processed()
            return all(after[name] == before[name] for name in after if name not in ASKING)

        # The service may still be at what it does once, when it starts.
        await eventually(is_quiet, "the store is left alone for 1.5 s", 8.0)
        assert not any(task.done() for task in waiting)


async def test_who_waits_is_answered_when_the_service_stops(
    start: Start, own_store: Server
) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api, crowd() as wait:
        await api.set_policy(ONE)
        await api.granted("first", "f")
        waiting = [wait(api, f"w{number}", "f") for number in range(20)]
        await queue_of(own_store, len(waiting))
        governor.terminate()
        replies = await asyncio.gather(*waiting)
        assert {reply.status for reply in replies} == {429}
        assert await asyncio.to_thread(governor.wait) == 0
    await queue_of(own_store, 0)
    with own_store.client() as client:
        assert client.hlen("{default}:leases") == 1
