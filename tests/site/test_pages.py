"""Every built page is opened in a browser: no error, no request outside, nothing cut off, nobody shut out."""

import re
from pathlib import Path

import pytest
import yaml
from audit import AXE, Visit, audit, listen, opened
from built import ROOT, SITE

MEGABYTES = 25  # the whole site
FIRST_PAGE = 600_000  # bytes of all that it asks for, nothing compressed
PAGE = 2_000_000
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)


def test_every_page_of_the_table_of_contents_is_there():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    assert {f"{name}.html" for name in listed} - set(PAGES) == set()
    assert {"index.html", "search.html", "genindex.html"} <= set(PAGES)


def test_site_is_small():
    assert sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) <= MEGABYTES * 1e6


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_fault_and_opens_on_a_slow_line(name, browser, address):
    visit = audit(browser, f"{address}/{name}")
    assert visit.faults == [], "\n".join(visit.faults)
    assert 0 < visit.bytes <= (FIRST_PAGE if Path(name).name == "index.html" else PAGE)


@pytest.mark.parametrize("turned", [False, True])
def test_no_style_sheet_asks_a_reader_to_turn_the_phone(turned, browser, address):
    """Asked of one page that has every style sheet, which axe has to fetch for it; with a planted one it objects."""
    sheets = {name: set(re.findall(r"[\w.-]+\.css", (SITE / name).read_text(encoding="utf-8"))) for name in PAGES}
    name = max(sheets, key=lambda name: len(sheets[name]))
    assert all(some <= sheets[name] for some in sheets.values())
    with opened(browser) as context:
        page = context.new_page()
        page.goto(f"{address}/{name}", wait_until="networkidle")
        if turned:
            page.add_style_tag(content="@media (orientation: landscape) { html { transform: rotate(90deg) } }")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        asked = "axe.run(document, { runOnly: ['css-orientation-lock'] }).then((found) => found.violations.length)"
        assert page.evaluate(asked) == turned


@pytest.mark.parametrize("name", ["index.html", "book/infonce.html"])
def test_page_opens_from_the_disk(name, browser):
    visit = Visit()
    with opened(browser) as context:
        page = context.new_page()
        listen(page, visit)
        page.goto((SITE / name).as_uri())
        page.wait_for_function("document.readyState === 'complete' && document.querySelector('article h1')")
        assert page.locator(".math").count() == page.locator(".katex-html").count()
    assert visit.faults == []
