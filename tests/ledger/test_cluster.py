"""The ledger in a cluster: everything of a pool in one slot, wherever that is."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from governor.errors import StoreUnavailableError
from governor.ledger.client import PolicyChanged
from governor.ledger.embedded import valkey_binary
from governor.ledger.keys import pool_keys
from governor.ledger.library import PARTS, assemble, part
from governor.ledger.store import PROBE_EVERY_S
from governor.model import ScopeCount
from tests.ledger.replica import Replica
from tests.stores import Server, cluster

ONE = "functions: {api: {max_concurrency: 1}}"


@pytest.fixture
async def replica(cluster_url: str, pool: str) -> AsyncIterator[Replica]:
    """A replica over the cluster."""
    async with Replica(cluster_url, pool) as replica:
        await replica.set_policy(ONE)
        yield replica


@pytest.fixture
def nodes(cluster_url: str, stores: list[Server]) -> list[Server]:
    """The cluster's servers."""
    assert cluster_url
    return [store for store in stores if store.port is not None]


def keys_at(node: Server, pool: str) -> list[str]:
    """The keys of `pool` (or of all that match it) that `node` has."""
    with node.client() as client:
        return [str(key) for key in client.scan_iter(match=f"{{{pool}}}:*", count=1000)]


async def test_leases_come_and_go(replica: Replica) -> None:
    await replica.granted("a", "api")
    assert (await replica.denied("b", "api")).in_use == 1
    assert set(await replica.leases()) == {"a"}
    assert (await replica.counts())["function:api"] == ScopeCount(1, 1, granted=1, denied=1)
    await replica.renew("a", "api")
    await replica.release("a")
    await replica.granted("b", "api")


async def test_who_waits_is_woken_by_another_replica(
    replica: Replica, cluster_url: str, pool: str
) -> None:
    async with replica.listening() as inbox, Replica(cluster_url, pool) as another:
        await replica.granted("a", "api")
        await replica.waiting("b", "api")
        await another.release("a")
        assert await inbox.woken() == "b"


async def test_a_change_of_policy_is_told(replica: Replica, cluster_url: str, pool: str) -> None:
    async with replica.listening() as inbox, Replica(cluster_url, pool) as another:
        await another.set_policy("functions: {api: {max_concurrency: 2}}")
        assert await inbox.next() == PolicyChanged()
        for id_ in ("a", "b"):
            await replica.granted(id_, "api")
        await replica.denied("c", "api")


async def test_a_pool_is_all_on_one_node(replica: Replica, nodes: list[Server], pool: str) -> None:
    async with replica.listening():
        await replica.granted("a", "api")
        await replica.waiting("b", "api")
        await replica.release("never-heard-of")
        await replica.granted("c", "never-heard-of")
        await replica.release("c")
    found = [sorted(keys_at(node, pool)) for node in nodes]
    assert sorted(found) == [[], [], sorted(set(pool_keys(pool)) - {f"{{{pool}}}:peaks"})]


async def test_pools_work_on_whatever_node_they_are(cluster_url: str, nodes: list[Server]) -> None:
    pools = [f"spread-{number}" for number in range(12)]
    for pool in pools:
        async with Replica(cluster_url, pool) as replica, replica.listening() as inbox:
            await replica.set_policy(ONE)
            await replica.granted("a", "api")
            await replica.waiting("b", "api")
            await replica.release("a")
            assert await inbox.woken() == "b"
    for node in nodes:
        with node.client() as client:
            assert [client.delete(key) for key in keys_at(node, "spread-*")]


async def test_a_library_that_some_nodes_have_already(
    replica: Replica, cluster_url: str, nodes: list[Server], pool: str
) -> None:
    parts = {name: part(name) for name in PARTS}
    library = assemble(parts | {"clock": f"{parts['clock']}\n-- {pool}"})
    await replica.granted("a", "api")
    for node in nodes:
        if not keys_at(node, pool):
            with node.client() as client:
                client.function_load(library.source)
    async with Replica(cluster_url, pool, library) as another:
        await another.denied("b", "api")


async def test_a_node_that_hangs_is_down_for_its_pools_until_it_answers() -> None:
    with cluster(valkey_binary()) as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        for pool, having in zip(("b", "c", "a"), nodes, strict=True):
            async with Replica(url, pool) as replica:
                await replica.set_policy(ONE)
                assert keys_at(having, pool)
                having.freeze()
                with pytest.raises(StoreUnavailableError):
                    await replica.exchange()
                for _ in range(50):  # several probes: that other nodes answer means nothing
                    assert not replica.ledger.up
                    await asyncio.sleep(PROBE_EVERY_S / 10)
                having.resume()
                await replica.back()
                await replica.granted("a", "api")


async def test_facts_are_of_the_node_that_has_the_pool(replica: Replica) -> None:
    assert (await replica.ledger.facts()).server == "valkey"
