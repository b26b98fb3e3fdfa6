"""Whatever is sent to any call: a problem that names the field is the answer, nothing changes."""

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import ANY

import pytest

from governor.service.routes import ROUTES
from tests.service.api import Api

POLICY = """
account: {max_concurrency: 50, headroom: 5}
groups: {g: {max_concurrency: 20, members: {functions: ["etl-*"], tags: {a: b}}}}
functions: {f: {max_concurrency: 10, groups: [g]}}
"""

LONG = "x" * 10_000
NOT_NAMES: dict[str, Any] = {
    "empty": "",
    "10 kB": LONG,
    "slash": "a/b",
    "space": "a b",
    "control": "a\x07b",
    "newline": "a\n",
    "NUL": "a\x00b",
    "Unicode": "größe",
    "emoji": "a😀",
    "surrogate": "a\ud800",
    "number": 5,
    "null": None,
    "list": ["a"],
}
NOT_COUNTS: dict[str, Any] = {
    "negative": -1,
    "absurd": 10**30,
    "fraction": 1.5,
    "text": "5",
    "boolean": True,
    "object": {},
}
NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "cut off": b"{",
    "word": b"nonsense",
    "single quotes": b"{'a': 1}",
    "NaN": b"NaN",
    "no UTF-8": b"\xff{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NUL": b'\x00{"a": 1}',
    "second value": b"[][]",
    "deep lists": b"[" * 30_000,
    "surrogate": b'"\\ud800"',
}
NO_OBJECTS: dict[str, bytes] = {"list": b"[]", "text": b'"a"', "number": b"5", "true": b"true"}


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that must be refused: by which `status`, for which `field`."""

    name: str
    method: str
    path: str
    body: bytes = b""
    field: object = None
    status: int = 400
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        """What pytest calls it."""
        return f"{self.method} {self.path[:40]} {self.name}"


@dataclass(frozen=True, slots=True)
class Body:
    """A call that takes a JSON object, and an object that it accepts."""

    method: str
    path: str
    good: dict[str, Any]

    def but(self, name: str, value: object, what: str, at: str | None = None) -> Bad:
        """The call with the field `name` set to a bad `value`, named as `at` in the answer."""
        body = json.dumps(self.good | {name: value}).encode()
        return Bad(f"{name}: {what}", self.method, self.path, body, at or name)


ACQUIRE = Body("POST", "/v1/leases", {"id": "new", "function": "f", "ttl_ms": 1000})
RENEW = Body("POST", "/v1/leases/held/renew", {"function": "f", "ttl_ms": 1000})
FUNCTIONS = [Body(method, "/v1/functions/f", {}) for method in ("PUT", "PATCH")]
GROUPS = [Body(method, "/v1/groups/g", {}) for method in ("PUT", "PATCH")]
ACCOUNTS = [Body(method, "/v1/account", {}) for method in ("PUT", "PATCH")]
POLICIES = [Body("PUT", path, {}) for path in ("/v1/policy", "/v1/policy?dry_run=true")]
BODIES = [ACQUIRE, RENEW, *FUNCTIONS, *GROUPS, *ACCOUNTS, *POLICIES]


def no_json() -> Iterator[Bad]:
    """Bodies that are no JSON, or not an object, for every call that takes one."""
    for body in BODIES:
        for name, text in (NOT_JSON | NO_OBJECTS).items():
            headers = {"Content-Type": "application/json"}
            yield Bad(f"JSON: {name}", body.method, body.path, text, headers=headers)
        yield body.but("surprise", 1, "unknown field")
        yield body.but("sur\x00\u202eprise", 1, "unknown hostile field", "sur��prise")
        yield body.but("x" * 5000, 1, "unknown long field", "x" * 200 + "…")
        for depth in (100, 980, 990, 5000):
            text = b'{"a":' * depth + b"1" + b"}" * depth
            # What is too deep to be read at all is the fault of no field.
            yield Bad(f"deep: {depth}", body.method, body.path, text, ANY)
        if "policy" not in body.path:
            yield Bad("too large", body.method, body.path, b" " * 2**20, status=413)


def bad_leases() -> Iterator[Bad]:
    """Check-ins and renewals."""
    for name in ("id", "function", "ttl_ms"):
        for body in (ACQUIRE, RENEW):
            if name in body.good:
                rest = {key: value for key, value in body.good.items() if key != name}
                yield Bad(f"no {name}", body.method, body.path, json.dumps(rest).encode(), name)
    for what, value in NOT_NAMES.items():
        # JSON can't carry a lone surrogate, so that is no fault of one field.
        at = None if what == "surrogate" else "id"
        yield Bad(
            f"id: {what}",
            "POST",
            "/v1/leases",
            json.dumps(ACQUIRE.good | {"id": value}).encode(),
            at,
        )
        for body in (ACQUIRE, RENEW):
            at = None if what == "surrogate" else "function"
            text = json.dumps(body.good | {"function": value}).encode()
            yield Bad(f"function: {what}", body.method, body.path, text, at)
    for what, value in NOT_COUNTS.items():
        for body in (ACQUIRE, RENEW):
            yield body.but("ttl_ms", value, what)
        yield ACQUIRE.but("wait_ms", value, what)
        yield ACQUIRE.but("attempt", value, what)
    for body in (ACQUIRE, RENEW):
        yield body.but("ttl_ms", 0, "zero")
        yield body.but("ttl_ms", 20 * 60 * 1000 + 1, "over 20 min")
        yield body.but("ttl_ms", None, "null")
    yield ACQUIRE.but("wait_ms", 15 * 60 * 1000 + 1, "over 15 min")
    yield ACQUIRE.but("attempt", 0, "zero")
    yield ACQUIRE.but("attempt", None, "null")


def bad_limits() -> Iterator[Bad]:
    """What functions, groups and the account have in common."""
    for body in [*FUNCTIONS, *GROUPS, *ACCOUNTS]:
        for what, value in NOT_COUNTS.items():
            yield body.but("max_concurrency", value, what)
        yield body.but("max_concurrency", 1_000_001, "over the highest")
        yield body.but("mode", "off", "unknown")
        yield body.but("mode", 1, "number")
        if body.method == "PATCH":
            twice = b'{"max_concurrency": 1, "max_concurrency": 2}'
            yield Bad("duplicate key", body.method, body.path, twice)
    for body in [*GROUPS, *ACCOUNTS]:
        for what, value in NOT_COUNTS.items():
            yield body.but("headroom", value, what)
        greater = Body(body.method, body.path, {"max_concurrency": 10})
        yield greater.but("headroom", 11, "over max_concurrency")


def bad_functions() -> Iterator[Bad]:
    """What only functions have."""
    for body in FUNCTIONS:
        yield body.but("headroom", 1, "a function has none")
        yield body.but("groups", ["none"], "unknown group")
        yield body.but("groups", {"none": 1}, "unknown group with weight")
        yield body.but("groups", "g", "text")
        yield body.but("groups", [["g"]], "list in a list", "groups[0]")
        for what, value in NOT_NAMES.items():
            if what not in {"surrogate", "list"}:
                yield body.but("groups", [value], f"name, {what}", "groups[0]")
        for what, value in NOT_COUNTS.items():
            yield body.but("groups", {"g": value}, f"weight, {what}", "groups[...]")
        yield body.but("groups", {"g": 0}, "weight, zero", "groups[...]")
        yield body.but("priority", "urgent", "unknown")
        yield body.but("max_attempts", 0, "zero")
        yield body.but("max_attempts", 1001, "over the highest")
        yield body.but("shared", "yes", "text")


def bad_groups() -> Iterator[Bad]:
    """What only groups have."""
    for body in GROUPS:
        yield body.but("members", [], "list")
        yield body.but("members", {"surprise": 1}, "unknown", "members.surprise")
        yield body.but("members", {"functions": "etl-*"}, "text", "members.functions")
        yield body.but("members", {"functions": ["a b"]}, "glob", "members.functions[0]")
        yield body.but("members", {"tags": {"": "x"}}, "empty tag", "members.tags")
        yield body.but("members", {"tags": {"k": 5}}, "number as tag", "members.tags[...]")
        yield body.but("members", {"stack": "9"}, "stack", "members.stack")


def bad_policies() -> Iterator[Bad]:
    """Whole documents, as JSON and as YAML."""
    entries: dict[str, tuple[object, str]] = {
        "account": ({"account": {"max_concurrency": -1}}, "account.max_concurrency"),
        "account headroom": (
            {"account": {"max_concurrency": 1, "headroom": 2}},
            "account.headroom",
        ),
        "account list": ({"account": []}, "account"),
        "defaults": ({"defaults": {"priority": "high"}}, "defaults.priority"),
        "groups list": ({"groups": []}, "groups"),
        "group": ({"groups": {"g": {"headroom": "1"}}}, "groups.g.headroom"),
        "group headroom": (
            {"groups": {"g": {"max_concurrency": 1, "headroom": 2}}},
            "groups.g.headroom",
        ),
        "group name": ({"groups": {"a/b": {}}}, "groups.a/b"),
        "group null": ({"groups": {"g": None}}, "groups.g"),
        "functions text": ({"functions": "f"}, "functions"),
        "function": ({"functions": {"f": {"max_attempts": 0}}}, "functions.f.max_attempts"),
        "function name": ({"functions": {"a b": {}}}, "functions.a b"),
        "function group": ({"functions": {"f": {"groups": ["none"]}}}, "functions.f.groups"),
        "unknown": ({"limits": {}}, "limits"),
        "unknown in group": ({"groups": {"g": {"max": 1}}}, "groups.g.max"),
    }
    for body in POLICIES:
        for name, (document, at) in entries.items():
            for kind in ("json", "yaml"):  # JSON is YAML
                text = json.dumps(document).encode()
                headers = {"Content-Type": f"application/{kind}"}
                yield Bad(f"{name}, {kind}", "PUT", body.path, text, at, headers=headers)
        for name, text in yaml_without_a_field().items():
            headers = {"Content-Type": "application/yaml"}
            yield Bad(f"YAML: {name}", "PUT", body.path, text, headers=headers)
        duplicates = b'{"groups": {"g": {}, "g": {"max_concurrency": 1}}}'
        headers = {"Content-Type": "application/json"}
        yield Bad("JSON: duplicate key", "PUT", body.path, duplicates, headers=headers)


def yaml_without_a_field() -> dict[str, bytes]:
    """Documents that are refused before anything in them is looked at."""
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    return {
        "empty": b"",
        "comment": b"# nothing\n",
        "null": b"~",
        "text": b"policy",
        "list": b"- account",
        "bomb": "\n".join(bomb).encode(),
        "cycle": b"groups: &g {etl: *g}",
        "merge": b"groups: {a: &a {headroom: 1}, b: {<<: *a}}",
        "deep": b"[" * 30_000,
        "deep and closed": b"{a: " * 5000 + b"1" + b"}" * 5000,
        "duplicate key": b"groups: {}\ngroups: {}\n",
        "key that is no string": b"groups: {1: {}}",
        "object": b"!!python/object/apply:os.system ['true']",
        "documents": b"account: {}\n---\naccount: {}\n",
        "tabs": b"account:\n\t- 1",
        "NUL": b"account: \x00",
        "no UTF-8": b"account: \xff\xfe\xfd",
        "surrogate": b'groups: {g: {members: {tags: {"a": "\\ud800"}}}}',
        "unclosed": b"account: {",
    }


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
    ]:
        yield Bad(f"query: {query}", "GET", f"/v1/leases?{query}", field=at)
    for query, at in [("dry_run=maybe", "dry_run"), ("dryrun=true", "dryrun")]:
        for path in ("/v1/policy", "/v1/functions/f", "/v1/account"):
            yield Bad(f"query: {query}", "PUT", f"{path}?{query}", b"{}", at)
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
