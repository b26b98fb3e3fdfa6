"""The page follows the pool: live, through restarts, and with a token where one is asked for."""

import asyncio
import re
from hashlib import sha256
from pathlib import Path

from playwright.async_api import Page, expect

from governor.demo.ports import free_ports
from tests.dashboard.conftest import Complaints
from tests.dashboard.pages import figure, live, row
from tests.governors import Start
from tests.service.api import Api

POLICY = """
account: {max_concurrency: 9, headroom: 2}
groups: {shade: {max_concurrency: 1, mode: shadow}, idle: {}}
functions:
  api: {}
  load: {priority: background, max_concurrency: 2, groups: [shade]}
"""


async def test_it_follows_the_pool(api: Api, page: Page) -> None:
    await api.set_policy(POLICY)
    await page.goto(api.url)
    await live(page)
    await expect(figure(page, "in use")).to_have_text("0")
    await api.granted("one", "api")
    await api.granted("two", "load")
    await expect(figure(page, "in use")).to_have_text("2")
    await expect(figure(page, "user-facing")).to_have_text("1")
    await expect(figure(page, "background")).to_have_text("1")
    await expect(row(page, "function:load").locator(".in_use")).to_have_text("1")
    await expect(row(page, "function:load").locator(".percent")).to_have_text("50 %")
    await expect(page.locator(".chart")).to_have_attribute(
        "aria-label", re.compile(r"1 user-facing \+ 1 background")
    )
    await api.set_policy(POLICY.replace("max_concurrency: 9", "max_concurrency: 7"))
    await expect(figure(page, "limit")).to_have_text("7")
    await expect(row(page, "group:idle")).to_have_count(1)
    await api.set_policy("{}")
    await expect(row(page, "group:idle")).to_have_count(0)


async def test_it_says_what_a_shadow_would_have_denied(api: Api, page: Page) -> None:
    await api.set_policy(POLICY)
    for number in range(2):
        await api.granted(f"{number}", "load")
    for number in range(3):
        await api.denied(f"denied-{number}", "load")
    await page.goto(api.url)
    shadow = page.get_by_role("region", name="Shadow mode")
    await expect(shadow).to_contain_text(
        "group:shade would have denied 1 in the last hour (load 1)"
    )
    await expect(figure(page, "denied, last hour")).to_have_text("3")
    await expect(row(page, "group:shade").locator(".denied")).to_have_text("1 shadow")
    await expect(row(page, "function:load").locator(".denied")).to_have_text("3")
    await row(page, "function:load").get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("functionload")
    denied = page.get_by_role("region", name="Who was denied", exact=True)
    await expect(denied.get_by_role("row").nth(1)).to_contain_text("load30")
    holders = page.get_by_role("region", name="Who holds it now").get_by_role("row")
    await expect(holders).to_have_count(3)
    await api.check_out("0")
    await expect(holders).to_have_count(2)
    await page.get_by_role("link", name="All scopes").click()
    await expect(page.get_by_role("heading", name="Scopes")).to_be_visible()


async def test_it_connects_again_after_a_restart(
    start: Start, tmp_path: Path, page: Page, complaints: Complaints
) -> None:
    complaints.forgive(r"ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET")
    options = ("--data-dir", f"{tmp_path}", "--listen", f"127.0.0.1:{free_ports(1)[0]}")
    first = start(*options)
    async with Api(first.url) as api:
        await api.set_policy(POLICY)
        await page.goto(first.url)
        await live(page)
        assert await asyncio.to_thread(first.stop) == 0
        await expect(page.locator("#connection")).to_contain_text("econnecting")
        start(*options)
        await live(page)
        await api.granted("one", "api")
        await expect(figure(page, "in use")).to_have_text("1")


async def test_it_says_that_the_store_is_lost(
    start: Start, tmp_path: Path, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("503")
    governor = start("--data-dir", f"{tmp_path}")
    await page.goto(governor.url)
    await live(page)
    store = governor.store()
    store.suspend()
    await expect(page.locator("#connection")).to_have_text("The store can't be reached")
    store.resume()
    await live(page)


async def test_it_asks_for_a_token_and_keeps_it_in_the_tab_alone(
    start: Start, tmp_path: Path, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("401|403")
    tokens = tmp_path / "tokens"
    roles = ("layer", "reader")
    tokens.write_text(
        "".join(f"{role} {sha256(f'the {role}'.encode()).hexdigest()}\n" for role in roles)
    )
    governor = start("--data-dir", f"{tmp_path / 'data'}", "--tokens", f"{tokens}")
    await page.goto(governor.url)
    dialog = page.get_by_role("dialog")
    for token, said in (
        ("wrong", "This governor asks for a token"),
        ("the layer", "This governor asks for a token"),
        ("the reader", "this token's role is layer"),
    ):
        await expect(dialog).to_contain_text(said)
        await dialog.get_by_label("Token").fill(token)
        await dialog.get_by_role("button", name="Use it").click()
        if token != "the reader":
            await expect(dialog.get_by_label("Token")).to_have_value("")
    await live(page)
    await expect(dialog).to_have_count(0)
    assert await page.evaluate("sessionStorage.getItem('token')") == "the reader"
    assert "the reader" not in str(await page.evaluate("({...localStorage})"))
    assert await page.context.cookies() == []
    await page.reload()
    await live(page)
