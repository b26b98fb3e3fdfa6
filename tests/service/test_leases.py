"""Check in, renew, check out, who holds what: over HTTP."""

import asyncio

import pytest

from tests.service.api import Api, eventually


async def test_a_check_in_answers_with_the_lease(api: Api) -> None:
    await api.set_policy("{groups: {etl: {max_concurrency: 2, members: {functions: [f]}}}}")
    reply = await api.check_in("one", "f", ttl_ms=30_000)
    assert reply.status == 201
    lease = reply.json
    held = (await api.get("/v1/leases")).json["leases"][0]
    assert lease.pop("expires_at_ms") == held["expires_at_ms"]
    assert held["expires_at_ms"] == held["acquired_at_ms"] + 30_000
    assert lease == {
        "id": "one",
        "function": "f",
        "renew_every_ms": 10_000,
        "scopes": ["function:f", "group:etl", "account"],
        "shadow_denied_by": None,
        "overrun": False,
    }


async def test_a_live_id_gets_its_lease_again_and_counts_once(api: Api) -> None:
    first = await api.granted("same", "f")
    again = await api.check_in("same", "f")
    assert again.status == 200
    assert again.json == first
    assert await api.in_use("account") == 1


async def test_a_denial_tells_who_denied_and_when_to_come_back(api: Api) -> None:
    await api.set_policy(
        """
        groups: {etl: {max_concurrency: 3, headroom: 1}}
        functions: {load: {priority: background, groups: {etl: 2}}}
        """
    )
    await api.granted("one", "load")
    reply = await api.check_in("two", "load")
    problem = reply.problem(429)
    assert reply.headers["Retry-After"] == "1"
    assert 1 <= problem.pop("retry_after_ms") <= 1000
    assert problem.pop("detail").startswith("group:etl has 2 of 3 in use")
    assert problem == {
        "title": "Denied",
        "status": 429,
        "id": "two",
        "function": "load",
        "denied_by": "group:etl",
        "max_concurrency": 3,
        "in_use": 2,
        "headroom": 1,
    }
    assert await api.in_use("account") == 1


async def test_headroom_is_for_user_facing_functions(api: Api) -> None:
    await api.set_policy(
        """
        account: {max_concurrency: 2, headroom: 1}
        functions: {batch: {priority: background}, page: {priority: user-facing}}
        """
    )
    await api.granted("one", "batch")
    await api.denied("two", "batch")
    await api.granted("three", "page")
    await api.denied("four", "page")


async def test_a_shadow_scope_reports_and_lets_pass(api: Api) -> None:
    await api.set_policy("{functions: {f: {max_concurrency: 0, mode: shadow}}}")
    lease = await api.granted("one", "f")
    assert lease["shadow_denied_by"] == "function:f"
    assert not lease["overrun"]
    assert (await api.scopes())["function:f"]["shadow_denied"] == 1


async def test_a_last_attempt_is_an_overrun(api: Api) -> None:
    await api.set_policy("{functions: {f: {max_concurrency: 0, max_attempts: 3}}}")
    await api.denied("one", "f", attempt=2)
    assert (await api.granted("one", "f", attempt=3))["overrun"]
    assert (await api.scopes())["function:f"]["overruns"] == 1


async def test_a_function_outside_the_shared_pool_counts_in_no_account(api: Api) -> None:
    await api.set_policy(
        "{account: {max_concurrency: 0}, functions: {f: {max_concurrency: 1, shared: false}}}"
    )
    assert (await api.granted("one", "f"))["scopes"] == ["function:f"]
    assert await api.in_use("account") == 0


async def test_renewing_extends(api: Api) -> None:
    lease = await api.granted("one", "f", ttl_ms=1000)
    reply = await api.call("POST", "/v1/leases/one/renew", {"function": "f", "ttl_ms": 60_000})
    assert reply.status == 200
    assert not reply.json["reinstated"]
    assert reply.json["expires_at_ms"] > lease["expires_at_ms"] + 50_000


async def test_renewing_what_is_unknown_reinstates_it(api: Api) -> None:
    await api.set_policy("{functions: {f: {max_concurrency: 0}}}")
    reply = await api.call("POST", "/v1/leases/lost/renew", {"function": "f", "ttl_ms": 60_000})
    assert reply.json["reinstated"]
    assert await api.in_use("function:f") == 1
    assert (await api.get("/v1/leases")).json["leases"][0]["overrun"]


async def test_renewing_what_was_checked_out_brings_nothing_back(api: Api) -> None:
    await api.granted("one", "f")
    await api.check_out("one")
    reply = await api.call("POST", "/v1/leases/one/renew", {"function": "f", "ttl_ms": 60_000})
    assert reply.status == 200
    assert not reply.json["reinstated"]
    assert await api.holders() == []


async def test_checking_out_is_idempotent(api: Api) -> None:
    await api.granted("one", "f")
    for _ in range(3):
        await api.check_out("one")
    await api.check_out("never-known")
    assert await api.in_use("account") == 0


@pytest.mark.parametrize(
    ("id_", "in_path"),
    [
        ("8f5a4d0c-4c7e:5f1c", "8f5a4d0c-4c7e:5f1c"),
        ("a:b@c~d+e=f.g_h-i", "a%3Ab%40c~d%2Be%3Df.g_h-i"),
        ("a+b", "a+b"),
        ("x" * 128, "x" * 128),
    ],
    ids=["plain", "encoded", "plus", "long"],
)
async def test_an_id_in_a_path_is_the_id_in_a_body(api: Api, id_: str, in_path: str) -> None:
    await api.granted(id_, "f")
    renewed = await api.call(
        "POST", f"/v1/leases/{in_path}/renew", {"function": "f", "ttl_ms": 60_000}
    )
    assert not renewed.json["reinstated"]
    await api.check_out(in_path)
    assert await api.holders() == []


async def test_a_lease_ends_without_traffic(api: Api, other: Api) -> None:
    """No call sweeps meanwhile: who waits tells that the lease has ended."""
    await api.set_policy("{functions: {f: {max_concurrency: 1}}}")
    await api.granted("one", "f", ttl_ms=300)
    granted = await other.granted("two", "f", wait_ms=20_000)
    assert granted["id"] == "two"
    assert (await api.scopes())["function:f"]["expired"] == 1


async def test_holders_come_oldest_first_by_scope_and_limit(api: Api) -> None:
    await api.set_policy("{groups: {g: {members: {functions: ['a*']}}}}")
    for id_, function in [("1", "a1"), ("2", "b"), ("3", "a2"), ("4", "b")]:
        await api.granted(id_, function)
        await asyncio.sleep(0.002)  # the store's time has milliseconds
    assert await api.holders() == ["1", "2", "3", "4"]

    async def listed(query: str) -> list[str]:
        reply = await api.get(f"/v1/leases?{query}")
        return [lease["id"] for lease in reply.json["leases"]]

    assert await listed("limit=2") == ["1", "2"]
    assert await listed("scope=group:g") == ["1", "3"]
    assert await listed("scope=function:b&limit=1") == ["2"]
    assert await listed("scope=account") == ["1", "2", "3", "4"]
    assert await listed("scope=group:none") == []


async def test_an_expired_lease_is_listed_no_more(api: Api) -> None:
    await api.granted("short", "f", ttl_ms=1)
    await api.granted("long", "f")

    async def only_long() -> bool:
        return await api.holders() == ["long"]

    await eventually(only_long, "the expired lease is gone")
    assert await api.in_use("account") == 1


async def test_racing_duplicates_are_one_lease(api: Api, other: Api) -> None:
    for round_ in range(10):
        replies = await asyncio.gather(
            *(each.check_in(f"same-{round_}", "f") for each in [api, other] * 10)
        )
        assert sorted(reply.status for reply in replies) == [200] * 19 + [201]
        assert len({reply.json["expires_at_ms"] for reply in replies}) == 1
    assert await api.in_use("function:f") == 10
