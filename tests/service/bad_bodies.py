"""Bodies that no call takes."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import ANY

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
        for number in ("0100", "1:30"):
            text = b"functions: {f: {max_concurrency: %b}}" % number.encode()
            headers = {"Content-Type": "application/yaml"}
            at = "functions.f.max_concurrency"
            yield Bad(f"YAML: {number}", "PUT", body.path, text, at, headers=headers)
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
