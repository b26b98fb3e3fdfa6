"""Every page on a laptop and on a phone, light and dark: readable by all, and within its width."""

from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.dashboard.conftest import WITHIN_MS, Complaints
from tests.dashboard.pages import figure, live, rows
from tests.dashboard.scene import controlled, policy
from tests.service.api import Api

PHONE, LAPTOP = 390, 1280
PAGES = ("#/", "#/controller", "#/scope/account", "#/scope/group%3Areports")
SERIOUS = {"serious", "critical"}
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
async def busy(api: Api) -> AsyncIterator[Api]:
    """A governor with a controller, where some functions run and one is denied."""
    wanted = policy(40)
    assert (await api.put("/v1/policy", wanted)).status == 200
    store = (await api.get("/v1/status")).json["store"]["url"]
    background = [name for name in wanted["functions"] if name.startswith("etl")]
    for number in range(22):
        await api.granted(f"{number}", background[1])
    await api.denied("denied", background[1])
    for number in range(20):
        await api.granted(f"more-{number}", background[3])
    async with controlled(store, background):
        yield api


async def test_the_controllers_actions_come_with_their_reasons(busy: Api, page: Page) -> None:
    await page.goto(f"{busy.url}/#/controller")
    await live(page)
    happened = page.get_by_role("region", name="What happened")
    await expect(happened).to_contain_text("leads")
    await expect(happened.locator('[data-kind="action"]').first).to_be_visible()
    await expect(happened).to_contain_text("group:etl leaves 90 to queues")
    left = page.get_by_role("region", name="Left as it is, and why")
    await expect(left.get_by_role("row").nth(1)).to_contain_text("etl-load")
    await expect(page.get_by_role("region", name="Budget")).to_contain_text("left to the queues")
    await expect(page.get_by_role("region", name="Queues' mappings").first).to_contain_text(
        "mapping-of-etl-load"
    )
    assert (await busy.call("POST", "/v1/controller/pause")).status == 200
    await expect(page.locator(".standing")).to_contain_text("paused by an admin")


async def test_the_controller_is_paused_and_resumed(busy: Api, page: Page) -> None:
    await page.goto(f"{busy.url}/#/controller")
    await live(page)
    standing, dialog = page.locator(".standing"), page.get_by_role("dialog")
    await page.get_by_role("button", name="Pause the controller").click()
    await expect(dialog).to_contain_text("It changes nothing at AWS until")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert not (await busy.get("/v1/status")).json["controller"]["paused"]
    await page.get_by_role("button", name="Pause the controller").click()
    await dialog.get_by_role("button", name="Pause").click()
    await expect(standing).to_contain_text("paused by an admin")
    await page.get_by_role("button", name="Resume the controller").click()
    await _check(page)
    await dialog.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause the controller")).to_be_visible()
    await expect(standing).not_to_contain_text("paused by an admin")


async def test_without_a_controller_the_page_says_how_to_start_one(api: Api, page: Page) -> None:
    await page.goto(f"{api.url}/#/controller")
    await expect(page.get_by_text("governor serve --controller")).to_be_visible()


@pytest.mark.parametrize("width", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_serious_stands_in_anyones_way(
    busy: Api,
    browser: Browser,
    complaints: Complaints,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.set_default_timeout(WITHIN_MS)
    complaints.listen(page)
    for path in PAGES:
        await page.goto(f"{busy.url}/{path}")
        await live(page)
        await expect(page.locator("main section").first).to_be_visible()
        await _check(page)
    await page.get_by_role("button", name="Edit limits").click()
    await expect(page.get_by_label("Max Concurrency")).to_have_value("30")
    await _check(page)


async def test_a_phone_shows_names_and_numbers(busy: Api, page: Page) -> None:
    await page.set_viewport_size({"width": PHONE, "height": 844})
    await page.goto(busy.url)
    await live(page)
    cells = rows(page).first.locator("td:visible")
    boxes = [box for box in [await cell.bounding_box() for cell in await cells.all()] if box]
    assert len(boxes) == 4
    assert boxes[0]["width"] > 100
    assert boxes[-1]["x"] + boxes[-1]["width"] > PHONE - 20


async def _check(page: Page) -> None:
    await page.evaluate(AXE)
    results = await page.evaluate("axe.run()")
    found = [each for each in results["violations"] if each["impact"] in SERIOUS]
    assert found == [], page.url
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= await page.evaluate("innerWidth"), f"{page.url} scrolls sideways"


async def test_the_last_hour_is_read_with_the_arrow_keys(busy: Api, page: Page) -> None:
    await page.goto(busy.url)
    await live(page)
    readout, chart = page.locator(".readout"), page.locator(".chart")
    await expect(readout).to_contain_text("42 background")
    await expect(readout).to_contain_text("limit 400")
    await chart.focus()
    await page.keyboard.press("Home")
    await expect(readout).to_contain_text("no sample")
    await page.keyboard.press("End")
    await expect(readout).to_contain_text("42 background")
    crosshair = page.locator(".chart .u-cursor-x")
    await expect(crosshair).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(crosshair).to_be_hidden()


async def test_the_last_hour_is_read_with_the_mouse(busy: Api, page: Page) -> None:
    await page.goto(busy.url)
    await live(page)
    readout, chart = page.locator(".readout"), page.locator(".chart")
    await expect(readout).to_contain_text("42 background")
    await chart.hover(position={"x": 100, "y": 90})
    await expect(readout).to_contain_text("no sample")
    await page.mouse.move(0, 0)
    await expect(readout).to_contain_text("42 background")


DRAWN = """(name) => {
    const [canvas] = document.querySelectorAll(".chart canvas");
    const wanted = getComputedStyle(document.documentElement).getPropertyValue(name);
    const colour = wanted.match(/\\d+/g).map(Number);
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    for (let at = 0; at < data.length; at += 4) {
        if (colour.every((part, index) => data[at + index] === part)) return true;
    }
    return false;
}"""
"""Whether the chart shows this colour of the style sheet."""


async def test_the_chart_has_the_colours_of_the_theme(
    busy: Api, browser: Browser, complaints: Complaints
) -> None:
    page = await browser.new_page(color_scheme="dark")
    complaints.listen(page)
    for number in range(10):
        await busy.granted(f"user-{number}", "checkout-00001")
    await page.goto(busy.url)
    await live(page)
    for button in ("Theme: system", "Theme: light", "Theme: dark"):
        for colour in ("--user-facing", "--background"):
            await page.wait_for_function(DRAWN, arg=colour)
        await page.get_by_role("button", name=button).click()
    await page.emulate_media(color_scheme="light")
    await page.wait_for_function(DRAWN, arg="--background")


async def test_the_chart_follows_the_windows_width(busy: Api, page: Page) -> None:
    await page.goto(busy.url)
    await live(page)
    canvas = page.locator(".chart canvas")
    for width in (PHONE, LAPTOP, PHONE):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.wait_for_function(
            "([canvas, frame]) => canvas.clientWidth === frame.clientWidth",
            arg=[await canvas.element_handle(), await page.locator(".chart").element_handle()],
        )


async def test_without_its_library_the_chart_alone_is_missing(
    busy: Api, page: Page, complaints: Complaints
) -> None:
    complaints.forgive("404")
    await page.route("**/static/uplot.*", lambda route: route.fulfill(status=404))
    await page.goto(busy.url)
    await live(page)
    await expect(page.get_by_text("pip install --editable .")).to_be_visible()
    await expect(page.locator(".readout")).to_contain_text("42 background")
    await expect(rows(page).first).to_be_visible()


async def test_where_no_service_ran_the_limits_are_those_of_before(api: Api, page: Page) -> None:
    await page.goto(api.url)
    limits = await page.evaluate(
        """async () => {
            const { Hour } = await import("./static/hour.js");
            const sample = (at_ms, max_concurrency) => (
                { at_ms, user_facing: 1, background: 0, max_concurrency, headroom: 0 });
            const now = { max_concurrency: 9, headroom: 0 };
            const limitsOf = (samples) => {
                const hour = new Hour();
                hour.load({ step_ms: 10, since_ms: 100, peaks: [0, 0, 1, 0, 0], samples }, now);
                return hour.steps.map((step) => step.limit);
            };
            return [limitsOf([sample(111, 5), sample(134, 7)]), limitsOf([])];
        }"""
    )
    assert limits == [[None, 5, 5, 7, 7], [9, 9, 9, 9, 9]]


async def test_the_theme_is_the_systems_until_it_is_chosen(
    api: Api, browser: Browser, complaints: Complaints
) -> None:
    page = await browser.new_page(color_scheme="dark")
    complaints.listen(page)
    dark, light = "rgb(21, 24, 27)", "rgb(251, 250, 247)"
    await page.goto(api.url)
    root = page.locator("html")
    await expect(root).to_have_css("background-color", dark)
    await page.get_by_role("button", name="Theme: system").click()
    await expect(root).to_have_css("background-color", light)
    await page.reload()
    await expect(root).to_have_css("background-color", light)
    await page.get_by_role("button", name="Theme: light").click()
    await expect(root).to_have_css("background-color", dark)
    await page.get_by_role("button", name="Theme: dark").click()
    await expect(page.get_by_role("button", name="Theme: system")).to_be_visible()


async def test_going_back_finds_the_table_where_it_was(api: Api, page: Page) -> None:
    assert (await api.put("/v1/policy", policy(2000))).status == 200
    await page.goto(api.url)
    await live(page)
    await expect(rows(page).first).to_be_visible()
    await page.evaluate("scrollTo(0, 20000)")
    await expect(page.locator('tr[aria-rowindex="590"]')).to_be_in_viewport()
    await page.locator('tr[aria-rowindex="590"] a').click()
    await expect(figure(page, "in use")).to_have_text("0")
    assert await page.evaluate("scrollY") == 0
    await page.go_back()
    await expect(page.locator('tr[aria-rowindex="590"]')).to_be_in_viewport()


async def test_events_are_put_together_however_they_arrive(api: Api, page: Page) -> None:
    await page.goto(api.url)
    found = await page.evaluate(
        """async () => {
            const { Events } = await import("./static/stream.js");
            const text = 'event: status\\ndata: {"a":1}\\n\\n'
                + 'event: changes\\ndata: {"b":"é"}\\n\\n';
            const wrong = [];
            for (let one = 0; one <= text.length; one += 1) {
                for (let two = one; two <= text.length; two += 1) {
                    const heard = [];
                    const events = new Events((name, data) => heard.push([name, data]));
                    events.take(text.slice(0, one));
                    events.take(text.slice(one, two));
                    events.take(text.slice(two));
                    const all = JSON.stringify(heard);
                    if (all !== '[["status",{"a":1}],["changes",{"b":"é"}]]') {
                        wrong.push([one, two, all]);
                    }
                }
            }
            return wrong;
        }"""
    )
    assert found == []
