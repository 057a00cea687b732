"""What a browser finds wrong with one page: errors, requests, widths, and what shuts a reader out.

A page is loaded once per width, wide in the light theme and narrow in the dark one, which it takes from the system's
preference as it does for a reader: colours do not depend on the width, nor widths on the theme. Its folded parts are
opened, and where it has a place for the model, that is loaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
LOOKS = {1280: "light", 360: "dark"}  # width in pixels: theme
HEIGHT = 800
TIMEOUT = 60_000  # milliseconds

OPEN = """async () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    for (const part of document.querySelectorAll(".toggle-hidden .toggle-button, .toggle-button.toggle-button-hidden"))
        part.click();
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map((image) => image.decode().catch(() => 0)));
    await document.fonts.ready;
}"""

# What a page repeats without end is thinned out for axe, whose time grows with the number of elements: of the tokens of
# code one of each class and colour stays, of the formulas one of each colour; the others become plain text.
THIN = """() => {
    const seen = new Set();
    const again = (...look) => seen.has(look.join()) || !seen.add(look.join());
    const ground = (e) => getComputedStyle(e.closest("pre, td, th, li, p") ?? document.body).backgroundColor;
    const tokens = [...document.querySelectorAll("pre span[class]")].filter((token) => {
        const { color, backgroundColor } = getComputedStyle(token);
        return token.childElementCount === 0 && again(token.className, color, backgroundColor, ground(token));
    });
    const formulas = [...document.querySelectorAll(".katex")].filter((formula) => {
        const colours = [...formula.querySelectorAll("*")].map((part) => getComputedStyle(part).color);
        return again("formula", ...new Set(colours), ground(formula));
    });
    for (const e of [...tokens, ...formulas]) e.replaceWith(e.textContent);
    for (const code of document.querySelectorAll("pre, pre *")) code.normalize();
}"""

# Contrast takes axe most of its time, and comes out the same for all text of one look on one ground: of each, one is
# asked. A look is what the text is drawn with; a ground is what all around it is painted, dimmed or moved with.
ONE_OF_EACH = """() => {
    axe.configure({ rules: [{ id: "color-contrast", selector: "[data-asked]" }] });
    const grounds = new Map([[null, ""]]);
    const ground = (e) => {
        if (!grounds.has(e)) {
            const s = getComputedStyle(e);
            const paints = s.backgroundImage !== "none" || !/^(rgba\\(.*, 0\\)|transparent)$/.test(s.backgroundColor);
            const paint = paints ? s.backgroundColor + s.backgroundImage : "";
            const dims = s.opacity !== "1" || s.filter !== "none" || s.mixBlendMode !== "normal";
            const dim = dims ? s.opacity + s.filter + s.mixBlendMode : "";
            const moved = s.position === "static" ? "" : s.position + e.tagName + e.getAttribute("class");
            grounds.set(e, [ground(e.parentElement), paint, dim, moved].filter(Boolean).join("/"));
        }
        return grounds.get(e);
    };
    const seen = new Set();
    for (const e of document.body.querySelectorAll("*")) {
        const written = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
        const shows = written || e.matches("input, select, textarea");
        if (!shows || !e.checkVisibility({ visibilityProperty: true })) continue;
        const s = getComputedStyle(e);
        const look = [s.color, s.fontSize, s.fontWeight, s.textShadow, s.webkitTextFillColor, ground(e)].join();
        if (seen.has(look) || e.getBoundingClientRect().width <= 1) continue;
        seen.add(look);
        e.dataset.asked = "";
    }
}"""

# Whether a link can be told from the text around it is asked likewise: once for each look of link and text together.
ONE_LINK_OF_EACH = """() => {
    axe.configure({ rules: [{ id: "link-in-text-block", selector: "a[data-link]" }] });
    const look = (e) => {
        const s = getComputedStyle(e);
        const lines = s.textDecorationLine + s.borderBottomStyle + s.borderBottomWidth + s.backgroundImage;
        return [s.color, s.backgroundColor, s.fontWeight, s.fontStyle, s.fontSize, s.fontFamily, lines].join();
    };
    const seen = new Set();
    for (const link of document.body.querySelectorAll("a[href]")) {
        if (!link.checkVisibility({ visibilityProperty: true })) continue;
        let block = link.parentElement;
        const looks = [look(link), ...[...link.querySelectorAll("*")].map(look)];
        while (block !== document.body && getComputedStyle(block).display.startsWith("inline")) {
            looks.push(look(block));
            block = block.parentElement;
        }
        const all = [...looks, look(block), block.tagName].join("/");
        if (!seen.has(all)) link.dataset.link = "";
        seen.add(all);
    }
}"""

LOAD = """async () => {  // the model, where a page has a place for it
    for (const button of document.querySelectorAll(".live-load")) button.click();
    const places = [...document.querySelectorAll("div.live")];
    const end = Date.now() + 60_000;
    while (!places.every((place) => place.dataset.ready)) {
        if (Date.now() > end) throw new Error("the model of the page is not there after a minute");
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}"""

STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"

WIDE = """() => {
    const faults = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width)
        faults.push(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${width} px`);
    const name = (e) => `<${e.tagName.toLowerCase()} id="${e.id}" class="${e.getAttribute("class") ?? ""}">`;
    const parts = ["table", "img", "svg", "figure", "pre", "audio", "video", "canvas", ".katex-html"];
    for (const e of document.querySelectorAll("main *")) {
        const cut = e.scrollWidth - e.clientWidth;
        const room = e.matches(parts.join()) ? 1 : 3;  // in text a slanted letter leans out of its line
        if (cut <= room || e.clientWidth <= 1 || e.tagName === "IMG") continue;
        const style = getComputedStyle(e);
        const clips = ["hidden", "clip"].includes(style.overflowX) && style.textOverflow !== "ellipsis";
        const holds = e.matches(parts.join()) || e.innerText?.trim();
        if (clips && holds && e.checkVisibility({ visibilityProperty: true }))
            faults.push(`${name(e)} cuts off ${cut} px of what it holds`);
    }
    for (const e of document.querySelectorAll(parts.map((part) => "main " + part).join())) {
        const box = e.getBoundingClientRect();
        if (!box.width || !e.checkVisibility({ visibilityProperty: true })) continue;
        for (let around = e.parentElement; around; around = around.parentElement) {
            const overflow = getComputedStyle(around).overflowX;
            if (["auto", "scroll"].includes(overflow)) break;
            const room = around.getBoundingClientRect();
            const over = Math.max(box.right - room.right, room.left - box.left);
            const cuts = ["hidden", "clip"].includes(overflow) || around.matches("article, main");
            if (cuts && room.width > 1 && over > 1) {
                faults.push(`${name(e)} reaches ${Math.round(over)} px out of ${name(around)}`);
                break;
            }
        }
    }
    return faults;
}"""

RUN_AXE = """async () => {
    const { violations } = await axe.run(document, {
        resultTypes: ["violations"], elementRef: false, preload: false });
    return violations.map((v) => `${v.id} (${v.impact}): ${v.help}; ${v.nodes.length} times, first ` +
        `${v.nodes[0].target.join(" ")} ${v.nodes[0].html.slice(0, 200)}: ${v.nodes[0].failureSummary}`);
}"""


@dataclass
class Visit:
    """What was found wrong with a page, and the bytes of its first opening, nothing compressed, without the model."""

    faults: list[str] = field(default_factory=list)
    bytes: int = 0


def listen(page: Page, visit: Visit) -> None:
    """Note errors and requests from now on."""
    hosts: set[str] = set()

    def requested(request) -> None:
        here = urlsplit(page.url if page.url != "about:blank" else request.url).netloc
        hosts.add(here)
        address = urlsplit(request.url)
        if address.scheme in ("http", "https") and address.netloc not in hosts:
            visit.faults.append(f"asks another host: {request.url}")

    def answered(response) -> None:
        visit.bytes += int(response.headers.get("content-length", 0))
        if response.status >= 400:
            visit.faults.append(f"answer {response.status}: {response.url}")

    page.on("request", requested)
    page.on("response", answered)

    def failed(request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that leads on at once leaves its own requests behind
            visit.faults.append(f"request failed: {request.url}")

    page.on("requestfailed", failed)
    page.on("pageerror", lambda error: visit.faults.append(f"exception: {error}"))
    page.on("console", lambda said: visit.faults.append(f"console: {said.text}") if said.type == "error" else None)


@contextmanager
def opened(browser: Browser) -> Iterator[BrowserContext]:
    """A reader who has never been here."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    try:
        yield context
    finally:
        context.close()


def audit(browser: Browser, address: str, widths: tuple[int, ...] = tuple(LOOKS)) -> Visit:
    """Open a page at every width, each in its theme."""
    visit = Visit()
    with opened(browser) as context:
        for width in widths:
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme=LOOKS[width])
            seen = Visit()
            listen(page, seen)
            page.goto(address)  # until all that the page itself names is there, the scripts of its buttons, too
            page.wait_for_function("!document.querySelector('meta[http-equiv=refresh]')")  # it may lead on
            page.wait_for_load_state()
            page.add_style_tag(content=STILL)
            asked = seen.bytes
            page.evaluate(LOAD)
            model = seen.bytes - asked
            page.evaluate(OPEN)
            found = page.evaluate(WIDE)
            page.evaluate(THIN)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            page.evaluate(ONE_OF_EACH)
            page.evaluate(ONE_LINK_OF_EACH)
            page.wait_for_load_state("networkidle")  # what is asked for later can fail, and counts, as well
            visit.bytes = visit.bytes or seen.bytes - model
            theme = page.evaluate("document.documentElement.dataset.theme") or LOOKS[width]
            found += [f"{theme}: {fault}" for fault in page.evaluate(RUN_AXE)]
            visit.faults += [f"{width} px: {fault}" for fault in (*seen.faults, *found)]  # also what came late
            page.close()
    return visit
