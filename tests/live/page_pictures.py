"""Takes the pictures that stand in the page's place without JavaScript, and the README's: `make page-pictures`."""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "site")]

from browser import chromium, served  # noqa: E402, found by the line above when this runs as a script
from driven import opened, part  # noqa: E402

IMAGES = ROOT / "book" / "images"
BARE = "header, .bd-header-article, .pst-skip-link, .skip-link, #pst-skip-link { display: none !important; }"


def save(shot: bytes, name: str) -> None:
    """With as few colours as a drawing needs."""
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(96).save(IMAGES / name, optimize=True)


def ask(place: Locator, page: Page) -> None:
    place.locator("canvas.live-pad").focus()
    place.locator("select").nth(1).select_option("circle")
    place.locator("canvas.live-pad").press("Enter")


def train(place: Locator, page: Page) -> None:
    place.locator(".live-go").click()
    place.locator(".live-result").wait_for(timeout=120_000)


def see(place: Locator, page: Page) -> None:
    place.get_by_label("cosine of a picture with its own caption").fill("0.4")


def circle(place: Locator, page: Page) -> None:
    place.get_by_role("button", name="Run").click()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    with chromium() as browser, served(ROOT / "_build" / "html") as address:
        with opened(browser, f"{address}/book/live.html", reduced_motion="reduce") as page:
            page.add_style_tag(content=BARE)
            for act in (ask, train, see, circle):
                place = part(page, act.__name__)
                act(place, page)
                save(place.locator(".live-app").screenshot(), f"live-{act.__name__}.png")
        with opened(browser, f"{address}/book/live.html", viewport={"width": 1280, "height": 860}) as page:
            ask(part(page, "ask"), page)
            page.mouse.click(1, 400)
            page.evaluate("scrollTo(0, 0)")
            save(page.screenshot(), "site.png")
