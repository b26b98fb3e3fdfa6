"""Limits are changed with a preview of the change, by those who may, and never over another's."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.dashboard.conftest import Complaints
from tests.dashboard.pages import figure, live
from tests.governors import Start
from tests.service.api import Api

POLICY = {
    "account": {"max_concurrency": 100, "headroom": 20},
    "groups": {"etl": {"max_concurrency": 40, "headroom": 5}},
    "functions": {"load": {"priority": "background", "groups": ["etl"]}},
}


@pytest.fixture
async def guarded(start: Start, tmp_path: Path) -> AsyncIterator[Api]:
    """A governor with tokens, called as an admin."""
    tokens = tmp_path / "tokens"
    roles = "reader", "admin"
    tokens.write_text(
        "".join(f"{role} {sha256(f'the {role}'.encode()).hexdigest()}\n" for role in roles)
    )
    governor = start("--data-dir", f"{tmp_path / 'data'}", "--tokens", f"{tokens}")
    async with Api(governor.url, "the admin") as api:
        yield api


async def opened(api: Api, page: Page, scope: str) -> Locator:
    """The editor of a scope's limits."""
    await api.put("/v1/policy", POLICY)
    await page.goto(f"{api.url}/#/scope/{scope.replace(':', '%3A')}")
    await live(page)
    await page.get_by_role("button", name="Edit limits").click()
    editor = page.get_by_role("dialog", name=f"Limits of {scope}")
    await expect(editor.get_by_text("Nothing.", exact=True)).to_be_visible()
    return editor


async def test_a_limit_is_changed_after_a_preview(api: Api, page: Page) -> None:
    editor = await opened(api, page, "group:etl")
    apply = editor.get_by_role("button", name="Apply")
    await expect(editor.get_by_label("Max Concurrency")).to_have_value("40")
    await expect(apply).to_be_disabled()
    await editor.get_by_label("Max Concurrency").fill("60")
    await editor.get_by_label("Mode").select_option("shadow")
    await expect(editor.get_by_role("listitem")).to_have_text(
        ["max_concurrency 40 → 60", "mode enforce → shadow"]
    )
    assert (await api.policy())["groups"]["etl"]["max_concurrency"] == 40
    await apply.click()
    await expect(editor).to_have_count(0)
    await expect(figure(page, "limit")).to_have_text("60")
    assert (await api.policy())["groups"]["etl"] == {
        "max_concurrency": 60,
        "headroom": 5,
        "mode": "shadow",
    }


async def test_a_limit_is_taken_away(api: Api, page: Page) -> None:
    editor = await opened(api, page, "account")
    await editor.get_by_label("Max Concurrency").fill("")
    await expect(editor.get_by_role("listitem")).to_have_text("max_concurrency 100 → no limit")
    await editor.get_by_role("button", name="Apply").click()
    await expect(figure(page, "limit")).to_have_text("no limit")


async def test_a_function_that_the_policy_does_not_name_gets_a_limit(
    api: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("404")
    await api.granted("one", "unlisted")
    editor = await opened(api, page, "function:unlisted")
    await editor.get_by_label("Max Concurrency").fill("3")
    await editor.get_by_role("button", name="Apply").click()
    await expect(figure(page, "limit")).to_have_text("3")
    assert (await api.policy())["functions"]["unlisted"] == {"max_concurrency": 3}


async def test_what_can_not_be_is_said_at_its_field(
    api: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("400")
    editor = await opened(api, page, "group:etl")
    await editor.get_by_label("Headroom").fill("50")
    await expect(editor.get_by_role("alert")).to_contain_text("50 is more than max_concurrency 40")
    await expect(editor.get_by_label("Headroom")).to_have_attribute("aria-invalid", "true")
    await editor.get_by_label("Max Concurrency").fill("many")
    await expect(editor.get_by_label("Max Concurrency")).to_have_attribute("aria-invalid", "true")
    await expect(editor.get_by_role("button", name="Apply")).to_be_disabled()
    await editor.get_by_label("Max Concurrency").fill("50")
    await expect(editor.get_by_role("listitem")).to_have_count(2)
    await expect(editor.get_by_role("button", name="Apply")).to_be_enabled()


async def test_nobody_overwrites_a_change_that_they_have_not_seen(
    api: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("412")
    editor = await opened(api, page, "group:etl")
    await editor.get_by_label("Max Concurrency").fill("60")
    await expect(editor.get_by_role("listitem")).to_have_count(1)
    await api.patch("/v1/groups/etl", {"max_concurrency": 45, "headroom": 9})
    await editor.get_by_role("button", name="Apply").click()
    await expect(editor.get_by_role("alert")).to_contain_text("Somebody else has changed")
    assert (await api.policy())["groups"]["etl"]["max_concurrency"] == 45
    await editor.get_by_role("button", name="Show what stands now").click()
    await expect(editor.get_by_role("listitem")).to_have_text("max_concurrency 45 → 60")
    await expect(editor.get_by_label("Headroom")).to_have_value("9")
    await editor.get_by_role("button", name="Apply").click()
    await expect(figure(page, "limit")).to_have_text("60")
    assert (await api.policy())["groups"]["etl"] == {"max_concurrency": 60, "headroom": 9}


async def test_nobody_overwrites_limits_that_another_has_just_added(
    api: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("404|412")
    editor = await opened(api, page, "group:new")
    await editor.get_by_label("Max Concurrency").fill("60")
    await expect(editor.get_by_role("listitem")).to_have_text("max_concurrency no limit → 60")
    await api.put("/v1/groups/new", {"max_concurrency": 45, "headroom": 9})
    await editor.get_by_role("button", name="Apply").click()
    await expect(editor.get_by_role("alert")).to_contain_text("Somebody else has changed")
    assert (await api.policy())["groups"]["new"] == {"max_concurrency": 45, "headroom": 9}
    await editor.get_by_role("button", name="Show what stands now").click()
    await expect(editor.get_by_role("listitem")).to_have_text("max_concurrency 45 → 60")
    await editor.get_by_role("button", name="Apply").click()
    await expect(editor).to_have_count(0)
    assert (await api.policy())["groups"]["new"] == {"max_concurrency": 60, "headroom": 9}


async def test_it_takes_the_right_to_pause_the_controller(
    guarded: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("401|403")
    assert (await guarded.call("POST", "/v1/controller/pause")).status == 200
    await page.goto(f"{guarded.url}/#/controller")
    await page.get_by_role("dialog").get_by_label("Token").fill("the reader")
    await page.keyboard.press("Enter")
    await live(page)
    await page.get_by_role("button", name="Resume the controller").click()
    dialog = page.get_by_role("dialog", name="Resume the controller?")
    await dialog.get_by_role("button", name="Resume").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("this token's role is reader")
    assert (await guarded.get("/v1/status")).json["controller"]["paused"]
    await dialog.get_by_label("Token").fill("the admin")
    await dialog.get_by_role("button", name="Use it").click()
    await expect(dialog).to_have_count(0)
    assert not (await guarded.get("/v1/status")).json["controller"]["paused"]


async def test_it_takes_the_right_to_change_limits(
    guarded: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("401|403")
    await page.goto(guarded.url)
    await page.get_by_role("dialog").get_by_label("Token").fill("the reader")
    await page.keyboard.press("Enter")
    await live(page)
    editor = await opened(guarded, page, "group:etl")
    await editor.get_by_label("Max Concurrency").fill("60")
    alert = editor.get_by_role("alert")
    await expect(alert).to_contain_text("this token's role is reader")
    await expect(editor.get_by_role("button", name="Apply")).to_be_disabled()
    assert (await guarded.policy())["groups"]["etl"]["max_concurrency"] == 40
    await alert.get_by_label("Token").fill("the admin")
    await alert.get_by_role("button", name="Use it").click()
    await expect(editor.get_by_role("listitem")).to_have_text("max_concurrency 40 → 60")
    await editor.get_by_role("button", name="Apply").click()
    await expect(figure(page, "limit")).to_have_text("60")
    assert await page.evaluate("sessionStorage.getItem('token')") == "the admin"
    assert "the admin" not in str(await page.evaluate("({...localStorage})"))
