"""Addresses of stores: what each form means, and the complaint about any other."""

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedSSLConnection

from governor.errors import SettingsError
from governor.ledger.connection import connect, redacted


def through_sentinels(url: str) -> Redis:
    """The client that the sentinel address `url` stands for."""
    client = connect(url)
    assert isinstance(client, Redis)
    return client


def pool_of(client: Redis) -> SentinelConnectionPool:
    """The pool of a client that asks sentinels where to connect; keep the client."""
    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    return pool


def test_one_server() -> None:
    client = connect("redis://user:secret@store.example:7000/3")
    assert isinstance(client, Redis)
    kwargs = client.connection_pool.connection_kwargs
    expected = {"host": "store.example", "port": 7000, "db": 3, "username": "user"}
    assert expected.items() <= kwargs.items()


def test_one_server_over_tls() -> None:
    client = connect("rediss://store.example")
    assert isinstance(client, Redis)
    assert client.connection_pool.connection_class is SSLConnection


def test_a_socket() -> None:
    client = connect("unix:///run/store.sock")
    assert isinstance(client, Redis)
    assert client.connection_pool.connection_kwargs["path"] == "/run/store.sock"


@pytest.mark.parametrize("scheme", ["redis+cluster", "rediss+cluster"])
def test_a_cluster(scheme: str) -> None:
    client = connect(f"{scheme}://store.example:7000")
    assert isinstance(client, RedisCluster)
    (node,) = client.nodes_manager.startup_nodes.values()
    assert (node.host, node.port) == ("store.example", 7000)


def test_sentinels() -> None:
    client = through_sentinels("redis+sentinel://one.example:1,two.example/orders/2")
    pool = pool_of(client)
    places = [
        sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels
    ]
    assert [(place["host"], place["port"]) for place in places] == [
        ("one.example", 1),
        ("two.example", 26379),
    ]
    assert (pool.service_name, pool.is_master) == ("orders", True)
    assert pool.connection_kwargs["db"] == 2


def test_sentinels_have_credentials_of_their_own() -> None:
    client = through_sentinels(
        "redis+sentinel://user:p%40ss@one.example:1/orders"
        "?sentinel_username=watcher&sentinel_password=w%2Fatch"
    )
    pool = pool_of(client)
    of_the_store = pool.connection_kwargs
    assert (of_the_store["username"], of_the_store["password"]) == ("user", "p@ss")
    (sentinel,) = pool.sentinel_manager.sentinels
    of_the_sentinel = sentinel.connection_pool.connection_kwargs
    assert (of_the_sentinel["username"], of_the_sentinel["password"]) == ("watcher", "w/atch")


def test_sentinels_over_tls() -> None:
    client = through_sentinels("rediss+sentinel://one.example/orders")
    assert client.connection_pool.connection_class is SentinelManagedSSLConnection


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://store.example", "unknown scheme"),
        ("store.example:6379", "unknown scheme"),
        ("", "unknown scheme"),
        ("redis+sentinel://one.example:26379", "name of the service is missing"),
        ("redis+sentinel://one.example:many/orders", "many"),
        ("redis+sentinel://one.example/orders/first", "first"),
        ("redis://store.example:many", "many"),
    ],
)
def test_other_addresses_are_refused_with_the_forms_there_are(url: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as caught:
        connect(url)
    assert "expected redis://host:6379/0" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://store.example", "redis://store.example"),
        ("redis://user:secret@store.example", "redis://user:***@store.example"),
        ("redis://:secret@store.example/1", "redis://:***@store.example/1"),
        ("redis://:se@cr:et@store.example", "redis://:***@store.example"),
        ("unix:///run/store.sock?password=secret", "unix:///run/store.sock?password=***"),
        (
            "redis+sentinel://:a@one.example/orders?sentinel_password=b",
            "redis+sentinel://:***@one.example/orders?sentinel_password=***",
        ),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
