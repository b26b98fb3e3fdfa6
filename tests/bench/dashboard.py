"""What the dashboard asks of a browser when there are very many functions."""

import asyncio
import json
import math
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from playwright.async_api import Browser, ViewportSize, async_playwright, expect

from tests.bench.figures import Bound, Figure, median
from tests.bench.governors import governor
from tests.dashboard.scene import policy
from tests.service.api import Api

FUNCTIONS = 10_000
BUSY = 500
PAINTS = 5
TICKS = 12
WINDOW = ViewportSize(width=1280, height=800)

FIRST_ROWS = """
    new MutationObserver((_, observer) => {
        if (!document.querySelector("tr[data-scope]")) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.rowsAt = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
"""
"""Notes when the frame with the first rows of the table was painted, ms after the navigation."""

SCRIPTING = {
    "BlinkScheduler_PerformMicrotaskCheckpoint",
    "EvaluateScript",
    "EventDispatch",
    "FireAnimationFrame",
    "FunctionCall",
    "MajorGC",
    "MinorGC",
    "RunMicrotasks",
    "TimerFire",
    "V8.GCScavenger",
    "v8.callFunction",
    "v8.callModuleMethod",
}
"""What Chromium's own tools show as scripting."""
APART_US = 400_000

NEXT_TICK = """
    () => new Promise((resolve) => {
        const observer = new MutationObserver(() => { observer.disconnect(); resolve(); });
        const shown = { childList: true, characterData: true, subtree: true };
        observer.observe(document.querySelector(".readout"), shown);
        observer.observe(document.querySelector(".figures"), shown);
    })
"""
"""Ends when the page has shown the next event."""


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "the dashboard is measured in Chromium: install Debian's package chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def _painted_ms(browser: Browser, url: str) -> float:
    """Open the page anew, nothing cached; return when it showed rows, ms after the navigation."""
    context = await browser.new_context(viewport=WINDOW)
    page = await context.new_page()
    await page.add_init_script(FIRST_ROWS)
    await page.goto(url)
    await expect(page.locator("tr[data-scope]").first).to_be_visible()
    painted_ms = await page.evaluate("window.rowsAt")
    await context.close()
    return float(painted_ms)


async def _traffic(api: Api, names: list[str]) -> None:
    """Have functions come and go, one after the other, until cancelled."""
    for number in count():
        await api.check_in(f"{number}", names[number % len(names)])
        if number >= len(names) // 2:
            await api.check_out(f"{number - len(names) // 2}")


async def _ticks_ms(browser: Browser, api: Api) -> list[float]:
    """Return the scripting time of each tick, while several hundred scopes change in each.

    That is all of it: to read the event, to sort 10,000 rows anew, to draw the chart and the rows.
    """
    page = await browser.new_page(viewport=WINDOW)
    await page.goto(api.url)
    await expect(page.locator("tr[data-scope]").first).to_be_visible()
    names = [name for name in policy(FUNCTIONS)["functions"] if name.startswith("search")]
    traffic = asyncio.create_task(_traffic(api, names[:BUSY]))
    await page.evaluate(NEXT_TICK)
    await browser.start_tracing(page=page, categories=["devtools.timeline", "toplevel", "v8"])
    for _ in range(TICKS):
        await page.evaluate(NEXT_TICK)
    trace = json.loads(await browser.stop_tracing())
    traffic.cancel()
    return _scripting_ms(trace["traceEvents"])


def _scripting_ms(events: list[dict[str, Any]]) -> list[float]:
    """Return how long scripts ran in the page's main thread, a number for each tick.

    An event comes once a second and keeps the page busy for a moment: what runs without a long
    pause belongs together. What a script causes in its course (layout, collection) counts, and so
    does the rest of the page's work; the shortest, between the ticks, are left out.
    """
    main = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    scripts = sorted(
        (each["ts"], each["ts"] + each["dur"])
        for each in events
        if each["ph"] == "X" and each["name"] in SCRIPTING and (each["pid"], each["tid"]) in main
    )
    ticks_us: list[float] = []
    ended = -math.inf
    for start, end in scripts:
        if start - ended > APART_US:
            ticks_us.append(0)
        ticks_us[-1] += max(0, end - max(start, ended))
        ended = max(ended, end)
    return [each / 1000 for each in sorted(ticks_us)[-TICKS:]]


async def _measured() -> tuple[list[float], list[float]]:
    with governor() as service:
        async with Api(service.url) as api, _browser() as browser:
            assert (await api.put("/v1/policy", policy(FUNCTIONS))).status == 200
            await _painted_ms(browser, service.url)  # Chromium's own first time
            paints_ms = [await _painted_ms(browser, service.url) for _ in range(PAINTS)]
            return paints_ms, await _ticks_ms(browser, api)


def dashboard() -> list[Figure]:
    """First paint with rows, and the scripting time of a tick, in headless Chromium."""
    paints_ms, ticks_ms = asyncio.run(_measured())
    return [
        Figure(
            f"dashboard: from the navigation to painted rows, {FUNCTIONS:,} functions, no cache",
            median(paints_ms) / 1000,
            f"{PAINTS} times: {min(paints_ms):,.0f} to {max(paints_ms):,.0f} ms",
            Bound.AT_MOST,
            1.5,
            "s",
        ),
        Figure(
            f"dashboard: scripting time of a live tick, {FUNCTIONS:,} functions",
            median(ticks_ms),
            f"{len(ticks_ms)} ticks: {min(ticks_ms):.1f} to {max(ticks_ms):.1f} ms",
            Bound.AT_MOST,
            16,
            "ms",
        ),
    ]
