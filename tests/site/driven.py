"""A built page as a reader finds it, with the means to press its buttons; whatever it complains of fails the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page

SITE = Path(__file__).parents[2] / "_build" / "html"


@contextmanager
def opened(browser: Browser, address: str, **look: object) -> Iterator[Page]:
    """A page of the site; no error on its console, no request that fails, none to another host."""
    context = browser.new_context(**look)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    own = ("http://127.0.0.1", "file:", "data:", "blob:")
    page.on("request", lambda r: r.url.startswith(own) or complaints.append(f"another host: {r.url}"))
    try:
        page.goto(address)
        yield page
        assert not complaints
    finally:
        context.close()


def part(page: Page, name: str) -> Locator:
    """One part of the model in the page, loaded by its button: ask, train, see or circle."""
    place = page.locator(f"div.live.live-{name}")
    place.locator("button.live-load").click()
    place.and_(page.locator("[data-ready]")).wait_for()
    return place
