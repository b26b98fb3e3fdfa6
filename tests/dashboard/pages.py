"""Where things are on the dashboard's pages."""

from playwright.async_api import Locator, Page, expect


async def live(page: Page) -> None:
    """Wait until the page follows the pool."""
    await expect(page.locator("#connection")).to_have_text("Live")


def figure(page: Page, name: str) -> Locator:
    """The number that stands over `name`."""
    return page.locator("main dl > div", has=page.get_by_text(name, exact=True)).locator("dd")


def row(page: Page, scope: str) -> Locator:
    """A scope's row of the table."""
    return page.locator(f'tr[data-scope="{scope}"]')


def rows(page: Page) -> Locator:
    """The rows of the table that exist."""
    return page.locator("tr[data-scope]")


def column(page: Page, title: str) -> Locator:
    """The head of a column, to sort by it."""
    return page.get_by_role("columnheader", name=title).get_by_role("button")
