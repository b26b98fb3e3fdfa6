"""Whatever is sent to any call: a problem that names the field is the answer, nothing changes."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from governor.service.routes import ROUTES
from tests.service.api import Api
from tests.service.bad_bodies import (
    RENEW,
    Bad,
    bad_functions,
    bad_groups,
    bad_leases,
    bad_limits,
    bad_policies,
    no_json,
)

POLICY = """
account: {max_concurrency: 50, headroom: 5}
groups: {g: {max_concurrency: 20, members: {functions: ["etl-*"], tags: {a: b}}}}
functions: {f: {max_concurrency: 10, groups: [g]}}
"""


def bad_paths() -> Iterator[Bad]:
    """Names in paths that can't be any."""
    segments = {
        "slash": "a%2Fb",
        "space": "a%20b",
        "Unicode": "gr%C3%B6%C3%9Fe",
        "emoji": "%F0%9F%98%80",
        "NUL": "a%00",
        "newline": "a%0A",
        "no UTF-8": "%FF",
        "surrogate": "%ED%A0%80",
        "no encoding": "%zz",
        "parent": "%2E%2E%2Fpolicy",
        "long": "x" * 141,
        "5 kB": "x" * 5000,
    }
    for what, segment in segments.items():
        for kind in ("functions", "groups"):
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                path = f"/v1/{kind}/{segment}"
                yield Bad(f"name in path: {what}", method, path, b"{}", "name")
        yield Bad(f"id in path: {what}", "DELETE", f"/v1/leases/{segment}", field="id")
        renewal = json.dumps(RENEW.good).encode()
        yield Bad(f"id in path: {what}", "POST", f"/v1/leases/{segment}/renew", renewal, "id")


def bad_queries() -> Iterator[Bad]:
    """Query parameters."""
    for query, at in [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=10001", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("scope=", "scope"),
        ("scope=everything", "scope"),
        ("scope=group:a%2Fb", "scope"),
        ("scope=group:%00", "scope"),
        ("scope=%ED%A0%80", "scope"),
        ("surprise=1", "surprise"),
        ("limit=1&limit=1", "limit"),
        ("scope=account&limit=1&scope=account", "scope"),
    ]:
        yield Bad(f"query: {query}", "GET", f"/v1/leases?{query}", field=at)
    for query, at in [("dry_run=maybe", "dry_run"), ("dryrun=true", "dryrun")]:
        for path in ("/v1/policy", "/v1/functions/f", "/v1/account"):
            yield Bad(f"query: {query}", "PUT", f"{path}?{query}", b"{}", at)
    for query in ("dry_run=false&dry_run=true", "dry_run=true&dry_run=true"):
        for path in ("/v1/policy", "/v1/functions/f", "/v1/account"):
            yield Bad(f"query: {query}", "PUT", f"{path}?{query}", b"{}", "dry_run")
    # Who believes that a call has a dry run must not be surprised by a wet one.
    for path in ("/v1/functions/f", "/v1/groups/g", "/v1/leases/held"):
        yield Bad("query: not here", "DELETE", f"{path}?dry_run=true", field="dry_run")


def nowhere() -> Iterator[Bad]:
    """Paths and methods that there are none of."""
    for path in ("/v1", "/v1/", "/v1/nothing", "/v2/leases", "/v1/leases/a/b/c", "/v1/leases/"):
        yield Bad("unknown path", "GET", path, status=404)
    for path in sorted({route.path for route in ROUTES}):
        for method in ("TRACE", "OPTIONS", "POST", "PUT"):
            if not any(route.path == path and route.method == method for route in ROUTES):
                actual = path.replace("{name}", "f").replace("{id}", "held")
                actual = actual.replace("{file}", "app.js")
                yield Bad("wrong method", method, actual, b"{}", status=405)


def bad_headers() -> Iterator[Bad]:
    """Headers that a call heeds."""
    for name, value in {"no tag": "nonsense", "empty": "", "another": '"0123"'}.items():
        yield Bad(
            f"If-Match: {name}",
            "PUT",
            "/v1/account",
            b"{}",
            status=412,
            headers={"If-Match": value},
        )


@pytest.fixture
async def standing(api: Api) -> AsyncIterator[Api]:
    """A governor whose policy and leases must be the same after the test as before."""
    await api.set_policy(POLICY)
    await api.granted("held", "f")
    policy, scopes = await api.get("/v1/policy"), await api.scopes()
    yield api
    assert (await api.get("/v1/policy")).body == policy.body
    assert await api.holders() == ["held"]
    assert await api.scopes() == scopes


EVERYTHING = (
    no_json,
    bad_leases,
    bad_limits,
    bad_functions,
    bad_groups,
    bad_policies,
    bad_paths,
    bad_queries,
    bad_headers,
    nowhere,
)


@pytest.mark.parametrize("bad", [bad for kind in EVERYTHING for bad in kind()], ids=str)
async def test_bad_input_is_a_problem_and_changes_nothing(standing: Api, bad: Bad) -> None:
    reply = await standing.call(bad.method, bad.path, raw=bad.body, headers=bad.headers)
    problem = reply.problem(bad.status, bad.field)
    assert len(problem["detail"]) < 500
    if bad.status == 405:
        assert reply.headers["Allow"]
