"""Fixtures of the dashboard's tests: a real browser, pages that must not complain, governors."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import missing
from tests.governors import Start, starting
from tests.service.api import Api

WITHIN_MS = 20_000
ARGUMENTS = ["--no-sandbox"]  # as root, Chromium starts in no other way


expect.set_options(timeout=WITHIN_MS)


@dataclass
class Complaints:
    """What the pages of a test have complained of, in the console or by an exception."""

    heard: list[str] = field(default_factory=list)
    forgiven: str | None = None

    def forgive(self, pattern: str) -> None:
        """Take complaints of that kind for the test's doing."""
        self.forgiven = pattern

    def listen(self, page: Page) -> None:
        """Listen to `page`."""
        page.on(
            "console",
            lambda message: (
                self.heard.append(f"{message.type}: {message.text}")
                if message.type in {"error", "warning"}
                else None
            ),
        )
        page.on("pageerror", lambda error: self.heard.append(f"exception: {error}"))

    def unforgiven(self) -> list[str]:
        """Those that the test did not expect."""
        return [
            each
            for each in self.heard
            if self.forgiven is None or not re.search(self.forgiven, each)
        ]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is."""
    found = shutil.which("chromium")
    if found is None:
        missing("chromium")
    return str(found)


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What pages complain of: nothing, unless the test says why they should."""
    complaints = Complaints()
    yield complaints
    assert complaints.unforgiven() == []


@pytest.fixture
async def page(browser: Browser, complaints: Complaints) -> Page:
    """A page on a laptop."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(WITHIN_MS)
    complaints.listen(page)
    return page


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts governors that end with the test."""
    with starting() as start:
        yield start


@pytest.fixture
async def api(start: Start, tmp_path: Path) -> AsyncIterator[Api]:
    """A governor with a store of its own."""
    async with Api(start("--data-dir", f"{tmp_path}").url) as api:
        yield api
