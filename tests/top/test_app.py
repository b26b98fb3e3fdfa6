"""`governor top` against a running governor: it follows, filters, holds still, and comes back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.widgets import DataTable, Static

from governor.demo.ports import free_ports
from governor.top.app import Top
from tests.controller.controllers import until
from tests.governors import Governor, run
from tests.service.api import Api
from tests.strangers import saying, serving

POLICY = """
account: {max_concurrency: 10}
groups: {etl: {max_concurrency: 2}}
functions: {load: {groups: [etl]}, api: {}}
"""


@pytest.fixture
async def governor(tmp_path: Path) -> AsyncIterator[Governor]:
    """A governor with a policy."""
    with Governor("--data-dir", f"{tmp_path / 'data'}") as governor:
        async with Api(governor.url) as api:
            await api.set_policy(POLICY)
        yield governor


def names(app: Top) -> list[str]:
    """The scopes that are shown, from the top."""
    return [f"{row.value}" for row in app.query_one(DataTable).rows]


def state(app: Top) -> str:
    """The line over the table."""
    return f"{app.query_one('#state', Static).content}"


async def test_it_follows_the_pool(governor: Governor) -> None:
    app = Top(governor.url, None)
    async with app.run_test(size=(140, 30)), Api(governor.url) as api:
        await until(lambda: len(names(app)) == 4, "every scope of the policy")
        await api.granted("a", "load")
        await api.granted("b", "load")
        await until(lambda: names(app)[0] == "group:etl", "the full group comes first")
        assert "100%" in f"{app.query_one(DataTable).get_row_at(0)[1]}"
        await api.check_out("a")
        await until(lambda: " 50%" in f"{app.query_one(DataTable).get_row_at(0)[1]}", "it drains")


async def test_keys(governor: Governor) -> None:
    app = Top(governor.url, None)
    async with app.run_test(size=(140, 30)) as pilot, Api(governor.url) as api:
        await until(lambda: len(names(app)) == 4, "every scope of the policy")
        await pilot.press("slash", "l", "o", "a", "enter")
        assert names(app) == ["function:load"]
        await pilot.press("escape")
        assert len(names(app)) == 4
        await pilot.press("p")
        assert "paused" in state(app)
        await api.granted("a", "unlisted")
        await pilot.press("p")
        await until(lambda: "function:unlisted" in names(app), "it goes on")
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.parametrize("before", [(), ("slash", "l")], ids=["table", "filter"])
async def test_control_c_ends_it(governor: Governor, before: tuple[str, ...]) -> None:
    app = Top(governor.url, None)
    async with app.run_test(size=(140, 30)) as pilot:
        await pilot.press(*before, "ctrl+c")
        await until(lambda: app.return_code == 0, "it ends")


async def test_a_governor_that_comes_back_is_followed_again(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    options = ("--data-dir", f"{tmp_path / 'data'}", "--listen", f"127.0.0.1:{port}")
    first = Governor(*options)
    app = Top(first.url, None)
    async with app.run_test(size=(140, 30)):
        await until(lambda: names(app) == ["account"], "the account is shown")
        first.close()
        await until(lambda: "no governor answers" in state(app), "it is told")
        assert names(app) == ["account"], "the last picture stays"
        with Governor(*options):
            await until(lambda: "no governor" not in state(app), "it is back")


@pytest.mark.parametrize(
    "data", [b"{}", b"[]", b"{nope", b'{"scopes": [{"scope": "x"}]}', b'"\xff"'], ids=repr
)
async def test_a_stream_that_is_none_is_told(data: bytes) -> None:
    with serving(saying(b"event: status\ndata: %b\n\n" % data, "text/event-stream")) as url:
        app = Top(url, None)
        async with app.run_test(size=(140, 30)):
            await until(lambda: f"{url} is no governor" in state(app), "it is told")
            assert app.return_code is None, "and asked again"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_events_of_a_later_release_are_left_out(end: bytes) -> None:
    lines = [b"event: news", b"data: []", b"", b"event: unavailable", b'data: {"detail": "later"}']
    with serving(saying(end.join([*lines, b"", b""]), "text/event-stream")) as url:
        app = Top(url, None)
        async with app.run_test(size=(140, 30)):
            await until(lambda: "later" in state(app), "the event that is known")


async def test_ten_thousand_functions(governor: Governor) -> None:
    functions = ", ".join(f"f{number}: {{}}" for number in range(10_000))
    async with Api(governor.url) as api:
        await api.set_policy(f"functions: {{{functions}}}")
        app = Top(governor.url, None)
        async with app.run_test(size=(140, 30)):
            await until(lambda: "200 of 10,001 scopes" in state(app), "the first of very many")


def test_it_needs_a_terminal() -> None:
    ended = run("top", stdin="")
    assert ended.returncode == 2
    assert "top needs a terminal; `governor status`" in ended.stderr


async def test_a_token_that_is_refused_ends_it(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"reader {'0' * 64}\n")
    with Governor("--data-dir", f"{tmp_path / 'data'}", "--tokens", f"{tokens}") as governor:
        app = Top(governor.url, "wrong")
        async with app.run_test():
            await until(lambda: app.return_code == 1, "it ends")
