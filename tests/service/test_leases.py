"""Check in, renew, check out, who holds what."""

from redis import Redis

from tests.governors import Governor
from tests.stores import wait_until


def test_a_check_in_is_granted_up_to_the_limit(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 2})
    granted = [governor.acquire(f"{name}:{i}", name) for i in range(2)]
    denied = governor.acquire(f"{name}:2", name)

    assert [reply.status for reply in granted] == [201, 201]
    lease = granted[0].body
    assert lease["id"] == f"{name}:0"
    assert lease["function"] == name
    assert lease["scopes"] == [f"function:{name}", "account"]
    assert lease["shadow_denied_by"] is None
    assert lease["overrun"] is False
    assert 1 <= lease["renew_every_ms"] <= 20_000
    assert denied.status == 429
    assert denied.headers["Content-Type"] == "application/problem+json"
    assert int(denied.headers["Retry-After"]) >= 1
    assert denied.body["denied_by"] == f"function:{name}"
    assert denied.body["max_concurrency"] == 2
    assert denied.body["in_use"] == 2
    assert denied.body["retry_after_ms"] > 0


def test_a_released_lease_makes_room(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 1})
    assert governor.acquire(f"{name}:a", name).status == 201
    assert governor.release(f"{name}:a") == 204
    assert governor.acquire(f"{name}:b", name).status == 201


def test_checking_in_twice_gives_the_same_lease(governor: Governor, name: str) -> None:
    first = governor.acquire(f"{name}:a", name)
    again = governor.acquire(f"{name}:a", name)
    assert (first.status, again.status) == (201, 200)
    assert again.body["expires_at_ms"] == first.body["expires_at_ms"]
    assert governor.in_use(f"function:{name}") == 1


def test_checking_out_is_idempotent_and_never_complains(governor: Governor, name: str) -> None:
    governor.acquire(f"{name}:a", name)
    assert [governor.release(f"{name}:{which}") for which in "aab"] == [204, 204, 204]
    assert governor.in_use(f"function:{name}") == 0


def test_a_renewal_extends(governor: Governor, name: str) -> None:
    lease = governor.acquire(f"{name}:a", name, ttl_ms=30_000).body
    renewed = governor.call(
        "POST", f"/v1/leases/{name}:a/renew", {"function": name, "ttl_ms": 90_000}
    )
    assert renewed.status == 200
    assert renewed.body["reinstated"] is False
    assert renewed.body["expires_at_ms"] > lease["expires_at_ms"]


def test_an_unknown_lease_is_reinstated_as_an_overrun(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 0})
    renewed = governor.call(
        "POST", f"/v1/leases/{name}:a/renew", {"function": name, "ttl_ms": 60_000}
    )
    assert renewed.body["reinstated"] is True
    scope = governor.scopes()[f"function:{name}"]
    assert (scope["in_use"], scope["overruns"]) == (1, 1)


def test_a_renewal_does_not_bring_a_released_lease_back(governor: Governor, name: str) -> None:
    governor.acquire(f"{name}:a", name)
    governor.release(f"{name}:a")
    late = governor.call("POST", f"/v1/leases/{name}:a/renew", {"function": name, "ttl_ms": 60_000})
    assert (late.status, late.body["reinstated"]) == (200, False)
    assert governor.in_use(f"function:{name}") == 0


def test_a_lease_expires_without_traffic(
    replicas: tuple[Governor, Governor], valkey_url: str, pool: str
) -> None:
    governor, _ = replicas
    assert governor.acquire("a", ttl_ms=100).status == 201
    with Redis.from_url(valkey_url) as store:  # asking the service would be traffic
        wait_until(lambda: not store.exists(f"{{{pool}}}:leases"), "the lease was swept")
    counted = [each.metrics() for each in replicas]
    expired = 'governor_leases_expired_total{function="f"} 1.0'
    assert [expired in text for text in counted].count(True) == 1


def test_the_last_attempt_is_an_overrun(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 0, "max_attempts": 3})
    assert governor.acquire(f"{name}:a", name, attempt=2).status == 429
    last = governor.acquire(f"{name}:b", name, attempt=3)
    assert (last.status, last.body["overrun"]) == (201, True)


def test_a_shadow_reports_and_does_not_deny(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 0, "mode": "shadow"})
    reply = governor.acquire(f"{name}:a", name)
    assert (reply.status, reply.body["shadow_denied_by"]) == (201, f"function:{name}")


def test_weights_count_in_the_group_only(governor: Governor, name: str) -> None:
    governor.put(f"/v1/groups/{name}", {"max_concurrency": 7})
    governor.put(f"/v1/functions/{name}", {"groups": {name: 5}})
    assert governor.acquire(f"{name}:a", name).status == 201
    denied = governor.acquire(f"{name}:b", name)
    assert denied.body["denied_by"] == f"group:{name}"
    scopes = governor.scopes()
    assert (scopes[f"group:{name}"]["in_use"], scopes[f"function:{name}"]["in_use"]) == (5, 1)


def test_headroom_is_for_user_facing_functions(governor: Governor, name: str) -> None:
    governor.put(f"/v1/groups/{name}", {"max_concurrency": 3, "headroom": 2})
    governor.put(f"/v1/functions/{name}", {"priority": "background", "groups": [name]})
    governor.put(f"/v1/functions/{name}-api", {"groups": [name]})
    assert governor.acquire(f"{name}:1", name).status == 201
    assert governor.acquire(f"{name}:2", name).status == 429
    assert governor.acquire(f"{name}:3", f"{name}-api").status == 201


def test_group_members_by_pattern(governor: Governor, name: str) -> None:
    governor.put(
        f"/v1/groups/{name}", {"max_concurrency": 1, "members": {"functions": [f"{name}-*"]}}
    )
    assert governor.acquire(f"{name}:1", f"{name}-one").status == 201
    assert governor.acquire(f"{name}:2", f"{name}-two").body["denied_by"] == f"group:{name}"
    assert governor.acquire(f"{name}:3", "another").status == 201


def test_holders_are_listed_oldest_first(governor: Governor, name: str) -> None:
    for number in range(3):
        governor.acquire(f"{name}:{number}", name)
    every = governor.call("GET", f"/v1/leases?scope=function:{name}").body["leases"]
    two = governor.call("GET", f"/v1/leases?scope=function:{name}&limit=2").body["leases"]
    assert {each["id"] for each in every} == {f"{name}:{number}" for number in range(3)}
    assert [each["acquired_at_ms"] for each in every] == sorted(
        each["acquired_at_ms"] for each in every
    )
    assert len(two) == 2
    assert every[0]["weights"] == {f"function:{name}": 1, "account": 1}
