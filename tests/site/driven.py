"""A built page as a reader finds it, with the means to press its buttons; whatever it complains of fails the test."""

from collections.abc import Iterator
from contextlib import contextmanager

from audit import Visit, listen
from playwright.sync_api import Browser, Locator, Page


@contextmanager
def opened(browser: Browser, address: str, **look: object) -> Iterator[Page]:
    """A page of the site; no error on its console, no request that fails, none to another host."""
    context, visit = browser.new_context(**look), Visit()
    try:
        page = context.new_page()
        listen(page, visit)
        page.goto(address)
        yield page
        assert visit.faults == []
    finally:
        context.close()


def part(page: Page, name: str) -> Locator:
    """One part of the model in the page, loaded by its button: ask, train, see or circle."""
    place = page.locator(f"div.live.live-{name}")
    place.locator("button.live-load").click()
    place.and_(page.locator("[data-ready]")).wait_for()
    return place
