"""Limits over HTTP: entries, merge patches, entity tags, the policy, what survives."""

import json
from pathlib import Path

import pytest

from tests.governors import Governor, data_dir
from tests.stores import wait_until

POLICY = {
    "account": {"max_concurrency": 1000, "headroom": 200},
    "groups": {"etl": {"max_concurrency": 100}},
    "functions": {"load": {"priority": "background", "groups": {"etl": 2}}},
}


@pytest.mark.parametrize("section", ["functions", "groups"])
def test_an_entry_comes_changes_and_goes(governor: Governor, section: str) -> None:
    path = f"/v1/{section}/x"
    assert governor.call("GET", path).status == 404
    assert governor.call("PATCH", path, {"max_concurrency": 5}).status == 404
    assert governor.call("PUT", path, {"max_concurrency": 5}).status == 201
    assert governor.call("PUT", path, {"max_concurrency": 6}).status == 200
    patched = governor.call("PATCH", path, {"mode": "shadow"})
    assert (patched.body["max_concurrency"], patched.body["mode"]) == (6, "shadow")
    assert governor.call("GET", path).body == patched.body
    assert governor.call("GET", f"/v1/{section}").body == {section: {"x": patched.body}}
    unlimited = governor.call("PATCH", path, {"max_concurrency": None})
    assert unlimited.body["max_concurrency"] is None
    assert governor.call("DELETE", path).status == 204
    assert governor.call("DELETE", path).status == 404


def test_what_is_read_can_be_put_back(governor: Governor) -> None:
    governor.put("/v1/policy", POLICY)
    for path in ("/v1/functions/load", "/v1/groups/etl", "/v1/account"):
        read = governor.call("GET", path)
        assert governor.call("PUT", path, read.body).body == read.body


def test_the_account(governor: Governor) -> None:
    governor.put("/v1/account", {"max_concurrency": 10, "headroom": 4})
    patched = governor.call("PATCH", "/v1/account", {"headroom": 5})
    assert patched.body == {"max_concurrency": 10, "headroom": 5, "mode": "enforce"}
    assert governor.call("GET", "/v1/account").body == patched.body


def test_a_group_that_functions_name_stays(governor: Governor) -> None:
    governor.put("/v1/policy", POLICY)
    refused = governor.call("DELETE", "/v1/groups/etl")
    assert refused.status == 409
    assert "load" in refused.body["detail"]
    governor.call("PATCH", "/v1/functions/load", {"groups": None})
    assert governor.call("DELETE", "/v1/groups/etl").status == 204


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/functions/load", {"max_concurrency": 1}),
        ("/v1/groups/etl", {"max_concurrency": 1}),
        ("/v1/account", {"max_concurrency": 1}),
        ("/v1/policy", {}),
    ],
)
def test_a_change_of_what_changed_meanwhile_is_refused(
    governor: Governor, path: str, body: dict[str, int]
) -> None:
    governor.put("/v1/policy", POLICY)
    tag = governor.call("GET", path).headers["ETag"]
    assert governor.call("PUT", path, body, If_Match='"other"').status == 412
    assert governor.call("GET", path).headers["ETag"] == tag
    assert governor.call("PUT", path, body, If_Match=tag).status == 200
    assert governor.call("PUT", path, body, If_Match=tag).status == 412
    assert governor.call("PUT", path, body, If_Match="*").status == 200


def test_if_match_on_what_is_not_there(governor: Governor) -> None:
    assert governor.call("PUT", "/v1/functions/x", {}, If_Match="*").status == 412
    assert governor.call("GET", "/v1/functions/x").status == 404


def test_the_policy_as_json_and_yaml(governor: Governor) -> None:
    governor.put("/v1/policy", POLICY)
    as_json = governor.call("GET", "/v1/policy").body
    as_yaml = governor.call("GET", "/v1/policy", Accept="application/yaml").body
    assert "max_concurrency: 1000" in as_yaml
    governor.put("/v1/policy", {})
    reply = governor.call("PUT", "/v1/policy", as_yaml.encode(), Content_Type="application/yaml")
    assert reply.status == 200
    assert governor.call("GET", "/v1/policy").body == as_json


def test_a_dry_run_tells_and_changes_nothing(governor: Governor) -> None:
    governor.put("/v1/policy", POLICY)
    changed = {**POLICY, "account": {"max_concurrency": 900, "headroom": 200}}
    reply = governor.call("PUT", "/v1/policy?dry_run=true", changed)
    assert reply.body == {
        "applied": False,
        "changes": [{"path": "account.max_concurrency", "before": 1000, "after": 900}],
    }
    assert governor.call("GET", "/v1/account").body["max_concurrency"] == 1000


def test_lowering_a_limit_stops_nothing(governor: Governor, name: str) -> None:
    for number in range(3):
        governor.acquire(f"{name}:{number}", name)
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 1})
    assert governor.in_use(f"function:{name}") == 3
    governor.release(f"{name}:0")
    governor.release(f"{name}:1")
    assert governor.acquire(f"{name}:3", name).status == 429
    governor.release(f"{name}:2")
    assert governor.acquire(f"{name}:4", name).status == 201


def test_limits_survive_the_service_and_its_store(tmp_path: Path) -> None:
    with Governor(*data_dir(tmp_path)) as governor:
        governor.put("/v1/policy", POLICY)
        assert governor.stop() == 0
        governor.start()
        assert governor.call("GET", "/v1/groups/etl").body["max_concurrency"] == 100

        governor.put("/v1/groups/etl", {"max_concurrency": 101})
        (store,) = governor.children("valkey-server")
        store.kill()
        wait_until(lambda: bool(governor.children("valkey-server")), "the store is back")
        wait_until(governor.is_ready, "the service has it back")
        assert governor.call("GET", "/v1/groups/etl").body["max_concurrency"] == 101

        governor.put("/v1/groups/etl", {"max_concurrency": 102})
        governor.kill()
        governor.start()
        assert governor.call("GET", "/v1/groups/etl").body["max_concurrency"] == 102


def test_a_policy_file_is_loaded_once_per_content(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("functions: {f: {max_concurrency: 1}}\n")
    options = (*data_dir(tmp_path), "--policy", str(file))
    with Governor(*options) as governor:
        assert governor.call("GET", "/v1/functions/f").body["max_concurrency"] == 1
        governor.put("/v1/functions/f", {"max_concurrency": 2})
        governor.stop()
        governor.start()
        assert governor.call("GET", "/v1/functions/f").body["max_concurrency"] == 2
        governor.stop()
        file.write_text("functions: {f: {max_concurrency: 3}}\n")
        governor.start()
        assert governor.call("GET", "/v1/functions/f").body["max_concurrency"] == 3


def test_ten_thousand_functions(governor: Governor) -> None:
    functions = {f"f{number}": {"max_concurrency": number} for number in range(10_000)}
    governor.put("/v1/policy", {"functions": functions})
    assert governor.acquire("many:1", "f1").status == 201
    scopes = governor.scopes()
    assert len([scope for scope in scopes if scope.startswith("function:f")]) >= 10_000
    assert scopes["function:f9999"]["max_concurrency"] == 9999
    document = governor.call("GET", "/v1/policy").body
    assert json.dumps(document["functions"]["f77"]) == '{"max_concurrency": 77}'
