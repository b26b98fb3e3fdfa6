"""The ledger on a server that Sentinel names, before and after a failover."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from governor.demo.ports import free_ports
from governor.errors import StoreUnavailableError
from governor.ledger.embedded import valkey_binary
from governor.lifeline import tied
from tests.ledger.replica import Replica
from tests.stores import NO_PERSISTENCE, Server, wait_until

SERVICE = "orders"


@contextmanager
def sentinel(port: int, primary: Server, directory: Path) -> Iterator[Redis]:
    """A sentinel that watches `primary`, and the test's own connection to it."""
    configuration = directory / "sentinel.conf"
    configuration.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1\n"
    )
    command = tied([valkey_binary(), str(configuration), "--sentinel"])
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        Redis(port=port, decode_responses=True, protocol=2) as client,
    ):
        try:
            yield client
        finally:
            process.kill()


def ready_to_fail_over(client: Redis) -> bool:
    """Whether the sentinel knows a replica that it could promote."""
    try:
        (replica,) = client.sentinel_slaves(SERVICE)
    except (RedisError, ValueError):
        return False
    return str(replica["master-link-status"]) == "ok"


async def until_served(replica: Replica) -> None:
    """Exchange until the store that Sentinel names does it."""
    while True:
        try:
            await replica.exchange()
        except StoreUnavailableError:
            await replica.back()
        else:
            return


async def test_leases_outlive_a_failover(tmp_path: Path) -> None:
    first, second, watch = free_ports(3)
    follow = ("--replicaof", "127.0.0.1", f"{first}", "--repl-diskless-sync-delay", "0")
    with (
        Server(valkey_binary(), *NO_PERSISTENCE, port=first) as primary,
        Server(valkey_binary(), *NO_PERSISTENCE, *follow, port=second),
        sentinel(watch, primary, tmp_path) as client,
    ):
        wait_until(lambda: ready_to_fail_over(client), "the sentinel knows the replica")
        url = f"redis+sentinel://127.0.0.1:{watch}/{SERVICE}"
        async with Replica(url, "pool") as replica:
            await replica.set_policy("functions: {api: {max_concurrency: 1}}")
            await replica.granted("a", "api")
            client.sentinel_failover(SERVICE)
            wait_until(
                lambda: client.sentinel_get_master_addr_by_name(SERVICE) == ("127.0.0.1", second),
                "the replica is promoted",
            )
            await until_served(replica)
            await replica.denied("b", "api")
