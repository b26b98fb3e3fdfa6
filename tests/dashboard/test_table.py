"""Ten thousand functions in a table of a few dozen rows: sorted, searched, scrolled."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.pages import column, live, row, rows
from tests.dashboard.scene import policy
from tests.service.api import Api

FUNCTIONS = 10_000
SCOPES = "10,024 scopes"


@pytest.fixture
async def full(api: Api, page: Page) -> Page:
    """A page that shows very many functions, of which some are in use."""
    assert (await api.put("/v1/policy", policy(FUNCTIONS))).status == 200
    for number in range(15):
        await api.granted(f"{number}", "orders-api-00000")
    await api.granted("other", "search-05002")
    await page.goto(api.url)
    await live(page)
    await expect(page.get_by_text(SCOPES)).to_be_visible()
    return page


async def test_only_what_can_be_seen_exists(full: Page) -> None:
    await expect(rows(full).first).to_be_visible()
    assert await rows(full).count() < 100
    table = full.get_by_role("table", name="Scopes")
    await expect(table).to_have_attribute("aria-rowcount", "10025")
    await full.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await expect(full.locator('tr[aria-rowindex="10025"]')).to_be_in_viewport()
    assert await rows(full).count() < 100


async def test_sorting(full: Page) -> None:
    first = rows(full).first
    await expect(first).to_have_attribute("data-scope", "function:orders-api-00000")
    await column(full, "Limit").click()
    await expect(first).to_have_attribute("data-scope", "account")
    await expect(full.get_by_role("columnheader", name="Limit")).to_have_attribute(
        "aria-sort", "descending"
    )
    await column(full, "Limit").click()
    await expect(first.locator(".limit")).to_have_text("15")
    await column(full, "Scope").click()
    names = rows(full).nth(1), rows(full).nth(24)
    await expect(names[0]).to_have_attribute("data-scope", "group:etl")
    await expect(names[1]).to_have_attribute("data-scope", "function:checkout-00001")
    await column(full, "In use").click()
    await expect(first).to_have_attribute("data-scope", "account")
    await expect(rows(full).nth(4)).to_have_attribute("data-scope", "group:team-02")


async def test_the_order_follows_what_changes(api: Api, full: Page) -> None:
    await column(full, "Peak").click()
    for number in range(30):
        await api.granted(f"new-{number}", "unlisted")
    await expect(rows(full).nth(1)).to_have_attribute("data-scope", "function:unlisted")
    await expect(row(full, "function:unlisted").locator(".peak")).to_have_text("30")


async def test_searching(full: Page) -> None:
    await full.keyboard.press("/")
    await full.keyboard.type("search 0500")
    await expect(full.get_by_text(f"2 of {SCOPES}")).to_be_visible()
    await expect(rows(full)).to_have_count(2)
    await expect(rows(full).first).to_have_attribute("data-scope", "function:search-05002")
    await full.get_by_role("searchbox").fill("nothing like it")
    await expect(rows(full)).to_have_count(0)
    await full.get_by_role("searchbox").fill("")
    await full.get_by_label("Kind of scope").select_option("In shadow mode")
    await expect(rows(full)).to_have_count(1)
    await full.get_by_label("Kind of scope").select_option("Background functions")
    await expect(full.get_by_text(f"2,500 of {SCOPES}")).to_be_visible()


async def test_the_way_with_the_keyboard(full: Page) -> None:
    for _ in range(20):  # past the head of the page to the search
        await full.keyboard.press("Tab")
        if await full.evaluate("document.activeElement.id") == "search":
            break
    await expect(full.get_by_role("searchbox")).to_be_focused()
    for _ in range(9):  # kind, seven columns, the one row that is in the order
        await full.keyboard.press("Tab")
    await expect(rows(full).first.get_by_role("link")).to_be_focused()
    await full.keyboard.press("ArrowDown")
    await full.keyboard.press("ArrowDown")
    await expect(full.locator('tr[aria-rowindex="4"] a')).to_be_focused()
    await full.keyboard.press("End")
    await expect(full.locator('tr[aria-rowindex="10025"] a')).to_be_focused()
    await expect(full.locator('tr[aria-rowindex="10025"] a')).to_be_in_viewport()
    await full.keyboard.press("Home")
    await expect(full.locator('tr[aria-rowindex="2"] a')).to_be_focused()
    await full.keyboard.press("Enter")
    await expect(full).to_have_url(re.compile(r"#/scope/function%3Aorders-api-00000$"))
    await expect(full.get_by_role("heading", level=1)).to_contain_text("orders-api-00000")
    await full.keyboard.press("Tab")
    await full.keyboard.press("Tab")
    await expect(full.get_by_role("button", name="Edit limits")).to_be_focused()
    await full.keyboard.press("Enter")
    await expect(full.get_by_role("dialog")).to_be_visible()
    await expect(full.get_by_label("Max Concurrency")).to_be_focused()
    await full.keyboard.press("Escape")
    await expect(full.get_by_role("dialog")).to_have_count(0)
    await full.keyboard.press("/")
    await expect(full.get_by_role("searchbox")).to_be_focused()


async def test_a_row_with_the_focus_stays_where_it_is(api: Api, full: Page) -> None:
    second = full.locator('tr[aria-rowindex="3"] a')
    await rows(full).first.get_by_role("link").focus()
    await full.keyboard.press("ArrowDown")
    await expect(second).to_be_focused()
    held = await second.text_content()
    for number in range(15):
        await api.granted(f"more-{number}", "checkout-00001")
    await expect(full.locator("dd").first).to_have_text("31")
    await expect(second).to_be_focused()
    assert await second.text_content() == held
    await full.get_by_role("searchbox").focus()
    await api.granted("last", "search-05002")
    await expect(full.locator('tr[aria-rowindex="3"]')).to_have_attribute(
        "data-scope", re.compile("checkout-00001|orders-api-00000")
    )
