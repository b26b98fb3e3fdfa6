"""The store loses things, dies, hangs or refuses: the ledger says so and comes back by itself."""

import asyncio
import traceback
from collections.abc import AsyncIterator

import pytest

from governor.demo.ports import free_ports
from governor.errors import StoreUnavailableError
from governor.ledger.client import Resumed
from governor.ledger.embedded import valkey_binary
from tests.ledger.replica import Replica
from tests.stores import NO_PERSISTENCE, Server

ONE = "functions: {api: {max_concurrency: 1}}"
DEADLINE_S = 10.0


@pytest.fixture
async def replica(server: Server) -> AsyncIterator[Replica]:
    """A replica over the test's own store, under a policy."""
    async with Replica(server.url, "pool") as replica:
        await replica.set_policy(ONE)
        yield replica


async def test_a_lost_library_is_loaded_again(replica: Replica, server: Server) -> None:
    await replica.granted("a", "api")
    with server.client() as store:
        store.function_flush()
    await replica.denied("b", "api")
    with server.client() as store:
        store.function_flush()
    await replica.set_policy("functions: {api: {max_concurrency: 2}}")
    await replica.granted("b", "api")


async def test_many_find_the_library_missing_at_once(replica: Replica, server: Server) -> None:
    async with Replica(server.url, "pool") as another:
        await another.policies.refresh()
        with server.client() as store:
            store.function_flush()
        each = (replica, another)
        await asyncio.gather(*(each[n % 2].granted(f"{n}", "other") for n in range(20)))
        assert await another.in_use("account") == 20


async def test_a_store_that_lost_everything_gets_the_policy_and_the_leases_again(
    replica: Replica, server: Server
) -> None:
    await replica.granted("a", "api")
    with server.client() as store:
        store.flushall()
        store.function_flush()
    assert (await replica.renew("a", "api")).reinstated
    assert (await replica.denied("b", "api")).in_use == 1


async def test_what_others_keep_in_the_store_stays(replica: Replica, server: Server) -> None:
    theirs = "#!lua name=theirs\nredis.register_function('their_own', function() return 1 end)"
    with server.client() as store:
        store.set("their:key", "value")
        script = store.script_load("return 2")
        store.function_load(theirs)
        await replica.granted("a", "api")
        await replica.release("a")
        await replica.set_policy("account: {}")
        assert store.get("their:key") == "value"
        assert store.evalsha(script, 0) == 2
        assert store.fcall("their_own", 0) == 1


async def test_a_dead_store_is_said_to_be_dead_until_it_is_back(
    replica: Replica, server: Server
) -> None:
    await replica.granted("a", "api")
    server.kill()
    with pytest.raises(StoreUnavailableError, match=f"127.0.0.1:{server.port} can't be reached"):
        await replica.exchange()
    assert not replica.ledger.up
    server.restart()
    await replica.back()
    assert (await replica.renew("a", "api")).reinstated
    await replica.denied("b", "api")


async def test_a_full_store_is_named_and_takes_back_what_it_has_given(
    replica: Replica, server: Server
) -> None:
    await replica.granted("a", "api")
    await replica.granted("b", "other", ttl_ms=1)
    with server.client() as store:
        store.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailableError, match="raise its maxmemory"):
            await replica.acquire("c", "other")
        with pytest.raises(StoreUnavailableError, match="maxmemory"):
            await replica.ledger.probe()
        swept = await replica.exchange()
        assert swept.expired == {"other": 1}
        assert (await replica.release("a")).function == "api"
        store.config_set("maxmemory", 0)
    await replica.ledger.probe()
    await replica.granted("d", "api")
    assert await replica.in_use("account") == 1


async def test_a_connection_that_died_while_idle_is_replaced_unnoticed(
    replica: Replica, server: Server
) -> None:
    await replica.granted("a", "api")
    with server.client() as store:
        store.client_kill_filter(_type="normal", skipme=True)
    await replica.denied("b", "api")
    assert replica.ledger.up


async def test_a_store_that_hangs_is_unavailable_and_nobody_else_waits_for_it(
    replica: Replica, server: Server
) -> None:
    await replica.granted("a", "api")
    server.freeze()
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(500):  # as many times the ledger's patience would be minutes
            with pytest.raises(StoreUnavailableError):
                await replica.exchange()
    server.resume()
    await replica.back()
    await replica.denied("b", "api")


async def test_requests_that_meet_a_hang_together_fail_together(
    replica: Replica, server: Server
) -> None:
    server.freeze()
    async with asyncio.timeout(DEADLINE_S):
        outcomes = await asyncio.gather(
            *(replica.exchange() for _ in range(50)), return_exceptions=True
        )
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailableError}
    server.resume()
    await replica.back()


async def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(
    replica: Replica, server: Server
) -> None:
    server.freeze()
    with pytest.raises(StoreUnavailableError):
        await replica.acquire("a", "api")
    server.resume()
    await replica.back()
    assert (await replica.exchange()).answers == []
    assert (await replica.release("b")).function is None


async def test_an_outage_takes_no_memory(replica: Replica, server: Server) -> None:
    server.kill()
    errors = []
    for _ in range(20):
        with pytest.raises(StoreUnavailableError) as caught:
            await replica.exchange()
        errors.append(caught.value)
    server.restart()
    assert len(list(traceback.walk_tb(errors[-1].__traceback__))) < 10


async def test_news_go_on_after_an_outage(replica: Replica, server: Server) -> None:
    async with replica.listening() as inbox:
        server.restart()
        assert await inbox.next() == Resumed()
        await replica.granted("a", "api")
        await replica.waiting("b", "api")
        await replica.release("a")
        assert await inbox.woken() == "b"


async def test_a_wrong_password_is_named_and_not_shown(server: Server) -> None:
    with server.client() as store:
        store.config_set("requirepass", "right-one")
        async with Replica(f"redis://:wrong-one@127.0.0.1:{server.port}", "pool") as replica:
            with pytest.raises(
                StoreUnavailableError, match="the password in its address"
            ) as caught:
                await replica.exchange()
        async with Replica(f"redis://:right-one@127.0.0.1:{server.port}", "pool") as replica:
            await replica.granted("a", "api")
    assert "wrong-one" not in str(caught.value)


async def test_a_missing_password_is_named(server: Server) -> None:
    with server.client() as store:
        store.config_set("requirepass", "right-one")
        async with Replica(server.url, "pool") as replica:
            with pytest.raises(StoreUnavailableError, match="the password in its address"):
                await replica.exchange()


@pytest.mark.parametrize(
    "rules", ["~* &* +@all -fcall", "~* &* +@all -function", "~* &* +@all -hmget", "~x &* +@all"]
)
async def test_what_a_user_may_not_is_named_with_the_rules_that_it_needs(
    server: Server, rules: str
) -> None:
    with server.client() as store:
        user = ("ACL", "SETUSER", "narrow", "reset", "on", ">secret")
        store.execute_command(*user, *rules.split())
        async with Replica(f"redis://narrow:secret@127.0.0.1:{server.port}", "pool") as replica:
            with pytest.raises(StoreUnavailableError, match="ACL rules such as ") as refused:
                await replica.exchange()
            store.execute_command(*user, *f"{refused.value}".partition("such as ")[2].split())
            await replica.granted("a", "api")


async def test_another_programs_key_is_told(replica: Replica, server: Server) -> None:
    with server.client() as store:
        store.delete("{pool}:leases")
        store.set("{pool}:leases", "theirs")
        with pytest.raises(StoreUnavailableError, match=r"begins with \{pool\}: there"):
            await replica.acquire("a", "api")


async def test_a_store_that_knows_no_functions_is_told() -> None:
    with Server(valkey_binary(), *NO_PERSISTENCE, "--rename-command", "FCALL", "") as old:
        async with Replica(old.url, "pool") as replica:
            with pytest.raises(StoreUnavailableError, match=r"Redis 7\.0, Valkey 7\.2 or newer"):
                await replica.exchange()


async def test_nobody_at_the_address_is_named() -> None:
    (port,) = free_ports(1)
    async with Replica(f"redis://user:secret@127.0.0.1:{port}", "pool") as replica:
        with pytest.raises(StoreUnavailableError, match=f"user:.*@127.0.0.1:{port}") as caught:
            await replica.exchange()
    assert "secret" not in str(caught.value)


async def test_facts_name_the_server(replica: Replica, server: Server) -> None:
    facts = await replica.ledger.facts()
    assert facts.server in {"valkey", "redis"}
    assert facts.version[0].isdigit()
    assert facts.used_memory_bytes > 0
    assert facts.maxmemory_policy == "noeviction"
    with server.client() as store:
        store.config_set("maxmemory-policy", "allkeys-lru")
        assert (await replica.ledger.facts()).maxmemory_policy == "allkeys-lru"
        store.config_set("maxmemory-policy", "noeviction")
