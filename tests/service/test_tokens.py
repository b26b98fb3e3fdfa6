"""Who may call what."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from governor.service.app import Route
from governor.service.auth import Role
from governor.service.routes import ROUTES
from tests.governors import Governor, data_dir, run_governor

SECRETS = {Role.LAYER: "l-secret", Role.READER: "r-secret", Role.ADMIN: "a-secret"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    folder = tmp_path_factory.mktemp("tokens")
    file = folder / "tokens"
    digests = {role: sha256(secret.encode()).hexdigest() for role, secret in SECRETS.items()}
    lines = ["# who", "", *(f"{role} {digest}" for role, digest in digests.items())]
    file.write_text("\n".join(lines))
    with Governor(*data_dir(folder), "--tokens", str(file)) as governor:
        yield governor


def call(governor: Governor, method: str, path: str, token: str | None) -> int:
    if path == "/v1/stream":  # which never ends where it is allowed
        method = "DELETE" if token in {SECRETS[Role.READER], SECRETS[Role.ADMIN]} else method
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body: object = {} if method in {"PUT", "PATCH", "POST"} else None
    return governor.call(method, path.replace("{", "").replace("}", ""), body, **headers).status


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_wants_its_role(guarded: Governor, route: Route) -> None:
    for role, secret in SECRETS.items():
        status = call(guarded, route.method, route.path, secret)
        if role is Role.ADMIN or route.role in {role, Role.ANYONE}:
            assert status not in {401, 403}, role
        else:
            assert status == 403, role
    for stranger in (None, "", "wrong", SECRETS[Role.LAYER] + "x"):
        status = call(guarded, route.method, route.path, stranger)
        assert (status == 401) == (route.role is not Role.ANYONE), stranger


def test_a_refusal_says_what_is_missing(guarded: Governor) -> None:
    unknown = guarded.call("GET", "/v1/status", Authorization="Basic abc")
    assert unknown.status == 401
    assert unknown.headers["WWW-Authenticate"].startswith("Bearer")
    assert unknown.headers["Content-Type"] == "application/problem+json"
    layer = guarded.call("GET", "/v1/status", Authorization="Bearer l-secret")
    assert "reader" in layer.body["detail"]


def test_what_is_forbidden_changes_nothing(guarded: Governor) -> None:
    admin = {"Authorization": "Bearer a-secret"}
    before = guarded.call("GET", "/v1/policy", **admin).body
    for secret in ("l-secret", "r-secret", "wrong"):
        guarded.call("PUT", "/v1/account", {"max_concurrency": 1}, Authorization=f"Bearer {secret}")
    assert guarded.call("GET", "/v1/policy", **admin).body == before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no tokens"),
        ("# nobody\n", "no tokens"),
        ("admin\n", "line 1"),
        ("admin plain-text\n", "line 1"),
        (f"anyone {'0' * 64}\n", "line 1"),
        (f"admin {'0' * 64}\nroot {'0' * 64}\n", "line 2"),
    ],
)
def test_a_tokens_file_that_makes_no_sense(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(text)
    result = run_governor(
        "serve", "--listen", "127.0.0.1:0", *data_dir(tmp_path), "--tokens", str(file)
    )
    assert result.returncode == 2, result
    assert complaint in result.stderr
    assert "plain-text" not in result.stderr
