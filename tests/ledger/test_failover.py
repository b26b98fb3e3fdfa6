"""The ledger on a primary that is demoted under its open connections."""

import asyncio
from pathlib import Path

import pytest

from governor.demo.ports import free_ports
from governor.errors import StoreUnavailableError
from governor.ledger.embedded import valkey_binary
from tests.ledger.replica import Replica
from tests.stores import NO_PERSISTENCE, Server, wait_until

ONE = "functions: {api: {max_concurrency: 1}}"


async def test_a_demoted_primary_is_unavailable_until_it_is_one_again(server: Server) -> None:
    (nobody,) = free_ports(1)
    async with Replica(server.url, "pool") as replica:
        await replica.set_policy(ONE)
        await replica.granted("a", "api")
        with server.client() as store:
            store.replicaof("127.0.0.1", nobody)
            with pytest.raises(StoreUnavailableError, match="read-only replica"):
                await replica.exchange()
            for _ in range(50):  # it answers what only reads, and that is not enough
                assert not replica.ledger.up
                await asyncio.sleep(0.01)
            store.replicaof("NO", "ONE")
        await replica.back()
        await replica.denied("b", "api")


async def test_an_address_that_names_the_new_primary_is_looked_up_again(tmp_path: Path) -> None:
    """A link to a socket, here, in place of a DNS name."""
    first, second = free_ports(2)
    old_path, new_path, address = (tmp_path / name for name in ("old", "new", "address"))
    options = (*NO_PERSISTENCE, "--repl-diskless-sync-delay", "0", "--unixsocket")
    follow = ("--replicaof", "127.0.0.1", f"{first}")
    with (
        Server(valkey_binary(), *options, f"{old_path}", port=first) as old,
        Server(valkey_binary(), *options, f"{new_path}", *follow, port=second) as new,
        old.client() as demoted,
        new.client() as promoted,
    ):

        def is_copied() -> bool:
            return bool(promoted.exists("{pool}:leases"))

        def is_left() -> bool:
            return not any("U" in each["flags"] for each in demoted.client_list())

        address.symlink_to(old_path)
        async with Replica(f"unix://{address}", "pool") as replica, replica.listening() as inbox:
            await replica.set_policy(ONE)
            await replica.granted("a", "api")
            wait_until(is_copied, "the new primary has everything")
            promoted.replicaof("NO", "ONE")
            demoted.replicaof("127.0.0.1", second)
            address.unlink()
            address.symlink_to(new_path)
            with pytest.raises(StoreUnavailableError):
                await replica.exchange()
            await replica.back()
            await replica.denied("b", "api")
            await replica.waiting("c", "api")
            await replica.release("a")
            assert await inbox.woken() == "c"
            wait_until(is_left, "nobody asks or listens at the old primary's socket")
