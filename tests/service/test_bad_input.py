"""Bad input: each gets a 4xx problem that names the field, and nothing changes."""

import socket
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.governors import Governor

LEASE = {"id": "a", "function": "f", "ttl_ms": 1000}
CONTROL = "a\x00b"
LONG = "x" * 10_240
DEEP = b"[" * 100_000
POLICY: dict[str, Any] = {
    "account": {"max_concurrency": 10, "headroom": 0, "mode": "enforce"},
    "defaults": {"priority": "user-facing"},
    "groups": {"g": {"max_concurrency": 5}},
    "functions": {"f": {"max_concurrency": 2, "groups": ["g"]}},
}

# method, path, body, the field that the problem names (None: the request as a whole)
Case = tuple[str, str, object, str | None]


def lease(**fields: object) -> dict[str, object]:
    return {**LEASE, **fields}


LEASES: list[Case] = [
    ("POST", "/v1/leases", body, field)
    for body, field in (
        ({}, "id"),
        ([], None),
        (b"", None),
        (b"{", None),
        (b"\xff\xfe", None),
        (DEEP[:60_000], None),
        (b'{"id":"\\ud800","function":"f","ttl_ms":1}', None),
        (lease(id=""), "id"),
        (lease(id=7), "id"),
        (lease(id=None), "id"),
        (lease(id=CONTROL), "id"),
        (lease(id=LONG), "id"),
        (lease(id="a/b"), "id"),
        (lease(id="ä"), "id"),
        (lease(id="a\n"), "id"),
        (lease(function=""), "function"),
        (lease(function=CONTROL), "function"),
        (lease(function=LONG), "function"),
        (lease(function="ä"), "function"),
        (lease(function=["f"]), "function"),
        (lease(ttl_ms=0), "ttl_ms"),
        (lease(ttl_ms=-1), "ttl_ms"),
        (lease(ttl_ms=1_200_001), "ttl_ms"),
        (lease(ttl_ms=10**30), "ttl_ms"),
        (lease(ttl_ms=1.5), "ttl_ms"),
        (lease(ttl_ms="1000"), "ttl_ms"),
        (lease(ttl_ms=True), "ttl_ms"),
        (lease(wait_ms=-1), "wait_ms"),
        (lease(wait_ms=10**9), "wait_ms"),
        (lease(attempt=0), "attempt"),
        (lease(attempt="one"), "attempt"),
        (lease(weight=1), "weight"),
    )
]
RENEWALS: list[Case] = [
    ("POST", "/v1/leases/a/renew", {"function": "f"}, "ttl_ms"),
    ("POST", "/v1/leases/a/renew", {"function": "f", "ttl_ms": 0}, "ttl_ms"),
    ("POST", "/v1/leases/a/renew", {"ttl_ms": 1000}, "function"),
    ("POST", "/v1/leases/a/renew", {"function": "f", "ttl_ms": 1, "x": 1}, "x"),
]
PATHS: list[Case] = [
    (method, path.format(name), {} if method != "GET" else None, field)
    for name in (quote(CONTROL), quote("a/b", safe=""), quote("ä"), LONG, "%FF", "a%20b")
    for method, path, field in (
        ("DELETE", "/v1/leases/{}", "id"),
        ("GET", "/v1/functions/{}", "name"),
        ("PUT", "/v1/functions/{}", "name"),
        ("PATCH", "/v1/groups/{}", "name"),
        ("DELETE", "/v1/groups/{}", "name"),
    )
    if len(name) < 8190  # the web server's own limit for a line
]
LIMITS: list[Case] = [
    (method, path, body, field)
    for method in ("PUT", "PATCH")
    for path, body, field in (
        ("/v1/functions/f", {"max_concurrency": -1}, "max_concurrency"),
        ("/v1/functions/f", {"max_concurrency": 10**7}, "max_concurrency"),
        ("/v1/functions/f", {"max_concurrency": "5"}, "max_concurrency"),
        ("/v1/functions/f", {"max_concurrency": 1.5}, "max_concurrency"),
        ("/v1/functions/f", {"priority": "high"}, "priority"),
        ("/v1/functions/f", {"mode": "off"}, "mode"),
        ("/v1/functions/f", {"groups": ["nowhere"]}, "groups"),
        ("/v1/functions/f", {"groups": {"g": 0}}, "groups"),
        ("/v1/functions/f", {"groups": {"g": -5}}, "groups"),
        ("/v1/functions/f", {"groups": 5}, "groups"),
        ("/v1/functions/f", {"max_attempts": 0}, "max_attempts"),
        ("/v1/functions/f", {"shared": "yes"}, "shared"),
        ("/v1/functions/f", {"headroom": 1}, "headroom"),
        ("/v1/groups/g", {"max_concurrency": 5, "headroom": 6}, "headroom"),
        ("/v1/groups/g", {"headroom": -1}, "headroom"),
        ("/v1/groups/g", {"members": {"functions": [CONTROL]}}, "members.functions[0]"),
        ("/v1/groups/g", {"members": {"functions": "f"}}, "members.functions"),
        ("/v1/groups/g", {"members": {"names": []}}, "members.names"),
        ("/v1/groups/g", {"members": {"tags": {"a": 1}}}, "members.tags"),
        ("/v1/account", {"max_concurrency": 3, "headroom": 4}, "headroom"),
        ("/v1/account", {"limit": 3}, "limit"),
        ("/v1/account", [], None),
        ("/v1/account", b"nonsense", None),
        ("/v1/account", DEEP[:60_000], None),
    )
]
POLICIES: list[Case] = [
    ("PUT", "/v1/policy", body, field)
    for body, field in (
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"a: &a [*a]", None),
        (b"a: &a {b: 1}\nc: *a", None),
        (b"groups: {}\ngroups: {}", None),
        (b"- " * 1000 + b"a", None),
        (b"[" * 1_000_000, None),
        (b"x" * 1_000_000, None),
        ({"limits": {}}, "limits"),
        ({"functions": []}, "functions"),
        ({"functions": {"f": {"groups": ["nowhere"]}}}, "functions.f.groups"),
        ({"functions": {"f": {"max_concurrency": -1}}}, "functions.f.max_concurrency"),
        ({"functions": {CONTROL: {}}}, "functions"),
        ({"groups": {"g": {"max_concurrency": 1, "headroom": 2}}}, "groups.g.headroom"),
        ({"groups": {"g": {"weight": 2}}}, "groups.g.weight"),
        ({"account": {"headroom": 1, "max_concurrency": 0}}, "account.headroom"),
        ({"defaults": {"priority": "none"}}, "defaults.priority"),
    )
]
QUERIES: list[Case] = [
    ("GET", "/v1/leases?limit=0", None, "limit"),
    ("GET", "/v1/leases?limit=many", None, "limit"),
    ("GET", "/v1/leases?limit=-1", None, "limit"),
    ("GET", "/v1/leases?scope=pool", None, "scope"),
    ("GET", "/v1/leases?scopes=account", None, "scopes"),
    ("PUT", "/v1/policy?dry_run=perhaps", {}, "dry_run"),
]


@pytest.mark.parametrize("case", [*LEASES, *RENEWALS, *PATHS, *LIMITS, *POLICIES, *QUERIES])
def test_bad_input_is_refused_and_changes_nothing(shared: Governor, case: Case) -> None:
    method, path, body, field = case
    shared.put("/v1/policy", POLICY)
    before = shared.in_use("account")
    reply = shared.call(method, path, body)
    assert reply.status == 400, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    named = reply.body.get("field")
    if field is None:
        assert named is None
    else:
        assert named is not None
        assert named.startswith(field)
    assert reply.body["detail"].isprintable()
    assert len(reply.body["detail"]) < 500
    assert shared.call("GET", "/v1/policy").body == POLICY
    assert shared.in_use("account") <= before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/leases"),
        ("PUT", "/v1/functions/f"),
        ("PATCH", "/v1/groups/g"),
        ("PUT", "/v1/account"),
    ],
)
def test_a_body_of_a_megabyte_is_too_large(shared: Governor, method: str, path: str) -> None:
    reply = shared.call(method, path, b" " * 1_000_000)
    assert reply.status == 413
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/functions/", 404),
        ("GET", "/v2/status", 404),
        ("POST", "/v1/status", 405),
        ("DELETE", "/v1/account", 405),
        ("PUT", "/v1/leases", 405),
    ],
)
def test_calls_that_do_not_exist(shared: Governor, method: str, path: str, status: int) -> None:
    reply = shared.call(method, path)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_does_no_harm(shared: Governor, garbage: bytes) -> None:
    parts = urlsplit(shared.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert shared.is_ready()
