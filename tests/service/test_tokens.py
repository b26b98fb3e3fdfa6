"""Bearer tokens: who may call what."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web

from governor.service.app import Route
from governor.service.auth import Tokens
from governor.service.routes import ROUTES
from governor.tokens import Role, Token
from tests.governors import Governor, Start, run
from tests.service.api import Api, Reply, served_again

TOKENS = {role: f"token-of-{role}" for role in (Role.LAYER, Role.READER, Role.ADMIN)}
ENDLESS = "/v1/stream"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governor]:
    """A governor with a token of each role."""
    folder = tmp_path_factory.mktemp("guarded")
    file = folder / "tokens"
    lines = "".join(
        f"{role} {sha256(token.encode()).hexdigest()}\n" for role, token in TOKENS.items()
    )
    file.write_text(f"# whose they are\n\n{lines}")
    with Governor("--data-dir", f"{folder / 'data'}", "--tokens", f"{file}") as governor:
        yield governor


async def called(guarded: Governor, token: str | None, route: Route) -> Reply:
    """The answer to a call of `route` that would change nothing if it were let in."""
    path = route.path.replace("{name}", "none").replace("{id}", "none")
    path = path.replace("{file}", "app.js")
    async with Api(guarded.url, token) as api:
        return await api.call(route.method, path, raw=b"no JSON, no YAML: [")


@pytest.mark.parametrize("role", TOKENS)
@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.path != ENDLESS],
    ids=lambda route: f"{route.method} {route.path}",
)
async def test_a_role_opens_its_own_calls(guarded: Governor, route: Route, role: Role) -> None:
    reply = await called(guarded, TOKENS[role], route)
    if role is Role.ADMIN or route.role in {role, Role.ANYONE}:
        assert reply.status not in {401, 403}
    else:
        problem = reply.problem(403)
        assert f"role is {role}" in problem["detail"]
        assert f"role {route.role}" in problem["detail"]


@pytest.mark.parametrize(
    "token",
    [None, "", "garbage", "token-of-admin x", "x" * 5000, "Bearer", TOKENS[Role.ADMIN][:-1]],
)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_without_a_known_token_nothing_opens(
    guarded: Governor, route: Route, token: str | None
) -> None:
    reply = await called(guarded, token, route)
    if route.role is Role.ANYONE:
        assert reply.status == 200
    else:
        reply.problem(401)
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="governor"'


@pytest.mark.parametrize(
    "header",
    [
        "Basic dG9rZW4tb2YtYWRtaW46",
        "token-of-admin",
        "bearer",
        "Bearer\ttoken-of-admin",
        "Bearer tökén",
        "Bearer " + sha256(TOKENS[Role.ADMIN].encode()).hexdigest(),
    ],
)
async def test_another_header_is_no_token(guarded: Governor, header: str) -> None:
    async with Api(guarded.url) as api:
        (await api.get("/v1/status", Authorization=header)).problem(401)


async def test_the_scheme_has_no_case(guarded: Governor) -> None:
    async with Api(guarded.url) as api:
        header = f"bEARER {TOKENS[Role.READER]}"
        assert (await api.get("/v1/status", Authorization=header)).status == 200


async def test_the_stream_is_for_readers(guarded: Governor) -> None:
    async with Api(guarded.url, TOKENS[Role.LAYER]) as api:
        (await api.get(ENDLESS)).problem(403)
    async with Api(guarded.url, TOKENS[Role.READER]) as api, api.events() as events:
        assert await anext(events)


async def test_who_is_refused_changes_nothing(guarded: Governor) -> None:
    async with (
        Api(guarded.url, TOKENS[Role.ADMIN]) as admin,
        Api(guarded.url, TOKENS[Role.READER]) as reader,
    ):
        await admin.put("/v1/account", {"max_concurrency": 5})
        (await reader.put("/v1/account", {"max_concurrency": 6})).problem(403)
        (await reader.check_in("one", "f")).problem(403)
        assert (await reader.get("/v1/account")).json["max_concurrency"] == 5
        assert await reader.holders() == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.org",
        "http://127.0.0.1.example.org:8642",
        "http://localhost@evil",
        "null",
        "[",
    ],
)
async def test_without_tokens_no_foreign_page_changes_anything(api: Api, origin: str) -> None:
    for call in (
        api.put("/v1/account", {}, Origin=origin),
        api.delete("/v1/leases/x", Origin=origin),
    ):
        assert "--tokens" in (await call).problem(403)["detail"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer  "])
def test_an_empty_token_is_none_even_if_it_is_known(header: str) -> None:
    tokens = Tokens([Token(sha256(b"").digest(), Role.ADMIN)])
    with pytest.raises(web.HTTPUnauthorized):
        tokens.check(header, Role.LAYER)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8642", "http://localhost", "http://[::1]:1"])
async def test_the_own_page_may_call_without_tokens(api: Api, origin: str) -> None:
    assert (await api.put("/v1/account", {}, Origin=origin)).status == 200


async def test_with_a_token_the_page_does_not_matter(guarded: Governor) -> None:
    async with Api(guarded.url, TOKENS[Role.ADMIN]) as api:
        reply = await api.put("/v1/account", {}, Origin="https://governor.example.org")
        assert reply.status == 200


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (b"", "has no tokens"),
        (b"# nothing\n", "has no tokens"),
        (b"\nadmin secret\n", "line 2"),
        (b"anyone " + b"a" * 64, "line 1"),
        (b"root " + b"a" * 64, "line 1"),
        (b"admin " + b"A" * 64, "line 1"),
        (b"admin " + b"a" * 63, "line 1"),
        (b"a" * 64, "line 1"),
        (b"# one\nadmin " + sha256(b"").hexdigest().encode(), "line 2: is the SHA-256 of an empty"),
        (
            b"layer %b\n\nadmin %b" % (b"a" * 64, b"a" * 64),
            "line 3: is the same token as in line 1",
        ),
        (b"layer %b\nlayer %b" % (b"a" * 64, b"a" * 64), "line 2: is the same token as in line 1"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: bytes | None, complaint: str) -> None:
    file = tmp_path / "tokens"
    if text is not None:
        file.write_bytes(text)
    ended = run(
        "serve",
        "--data-dir",
        f"{tmp_path / 'data'}",
        "--tokens",
        f"{file}",
        "--listen",
        "127.0.0.1:0",
    )
    assert ended.returncode == 2, ended
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("edited", ["admin {newer}", "# broken\noops", None])
async def test_the_file_counts_as_it_was_at_the_start(
    start: Start, tmp_path: Path, edited: str | None
) -> None:
    """A worker that is started anew knows the tokens that the others know."""
    file = tmp_path / "tokens"
    file.write_text(f"admin {sha256(b'older').hexdigest()}\n")
    governor = start("--data-dir", f"{tmp_path / 'data'}", "--tokens", f"{file}")
    if edited is None:
        file.unlink()
    else:
        file.write_text(edited.format(newer=sha256(b"newer").hexdigest()))
    (victim,) = governor.workers()
    victim.kill()
    async with Api(governor.url, "older") as older, Api(governor.url, "newer") as newer:
        await served_again(older)
        assert victim not in governor.workers()
        assert (await older.get("/v1/account")).status == 200
        (await newer.get("/v1/account")).problem(401)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_other_machines_need_tokens(tmp_path: Path, listen: str) -> None:
    ended = run("serve", "--data-dir", f"{tmp_path}", "--listen", listen)
    assert ended.returncode == 2
    assert "--tokens" in ended.stderr
    assert "Traceback" not in ended.stderr
