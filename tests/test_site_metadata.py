"""What a page says of itself to others, with the site's address and without; and the page for addresses that lead
nowhere."""

import doctest
import http.server
import re
import threading
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import not_found
import pytest
import site_metadata
import small_site
from PIL import Image

SITE = "https://example.org/a/book/"
PAGES = {
    "index": '# The *front* & more\n\nReading time 3 minutes.\n\nA book about $x$ <and> `"y"`. It has pages.',
    "chapter": "# Chapter\n\n"
    "A hook that is no summary, of some length.\n\n*In this chapter:* look at one thing, then at another.",
    "glossary": "# Glossary\n\nWords, " + "and more words, " * 30,
}


class Head(HTMLParser):
    """The title, the tags meta and link of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.meta: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "meta" and (name := said.get("name") or said.get("property")) != "viewport" and name:
            assert name not in self.meta, f"{name} stands there twice"
            self.meta[name] = said["content"]
        if tag == "link":
            self.links[said["rel"]] = said["href"]


def head(site, page: str) -> Head:
    return Head((site / f"{page}.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The site, built with an address."""
    extensions = ["site_metadata", "not_found"]
    return small_site.build(tmp_path_factory.mktemp("known"), PAGES, extensions, BOOK_SITE=SITE.removesuffix("/"))


@pytest.fixture(scope="module")
def unknown(tmp_path_factory):
    """The site, built without."""
    extensions = ["site_metadata", "not_found"]
    return small_site.build(tmp_path_factory.mktemp("unknown"), PAGES, extensions, BOOK_SITE="")


def test_description_is_what_the_page_says_in_plain_text(unknown):
    assert head(unknown, "book/index").meta["description"] == 'A book about x <and> "y". It has pages.'
    assert head(unknown, "book/chapter").meta["description"] == "Look at one thing, then at another."
    long = head(unknown, "book/glossary").meta["description"]
    assert 120 <= len(long) <= 160
    assert re.fullmatch(r"Words(, and more words)*(, and)?(, and more)? …", long)


def test_every_page_has_a_description_of_its_own(known):
    pages = sorted(known.rglob("*.html"))
    said = [head(known, p.relative_to(known).with_suffix("").as_posix()).meta.get("description", "") for p in pages
            if "_static" not in p.parts and p != known / "index.html"]  # fmt: skip
    assert len(said) == 6  # three pages, index of terms, search, 404
    assert all(said)
    assert len(set(said)) == len(said)


def test_with_an_address_each_page_names_its_own_and_the_picture(known):
    for page in ("book/index", "book/chapter", "book/glossary"):
        found = head(known, page)
        assert found.links["canonical"] == found.meta["og:url"] == f"{SITE}{page}.html"
        assert found.meta["og:image"] == f"{SITE}_static/card.png"
        assert found.meta["twitter:card"] == "summary_large_image"
        assert found.meta["og:description"] == found.meta["description"]
        size = int(found.meta["og:image:width"]), int(found.meta["og:image:height"])
    with Image.open(known / "_static" / "card.png") as picture:
        assert picture.size == size == (1200, 630)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 100
    assert (known / "_static" / "card.png").stat().st_size < 200_000
    assert head(known, "book/index").meta["og:title"] == "The front & more"


def test_without_an_address_nothing_pretends_to_know_it(unknown):
    for page in unknown.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"canonical|og:url|og:image|summary_large", text), page
    assert not (unknown / "sitemap.xml").exists()
    assert not (unknown / "_static" / "card.png").exists()


def test_map_of_the_site_lists_the_pages_that_are_there(known):
    root = ElementTree.parse(known / "sitemap.xml").getroot()
    found = [loc.text for loc in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert sorted(found) == [f"{SITE}book/{name}.html" for name in ("chapter", "glossary", "index")]
    assert all((known / loc.removeprefix(SITE)).exists() for loc in found)


def test_what_sphinx_makes_is_not_for_search_engines(known):
    for page in ("search", "genindex", "404"):
        assert head(known, page).meta["robots"] == "noindex"
        assert "canonical" not in head(known, page).links


def test_the_front_page_tells_the_same_as_the_first_of_the_book(known):
    front, first = head(known, "index"), head(known, "book/index")
    assert front.meta == {k: v for k, v in first.meta.items() if k in front.meta}
    assert {"description", "og:image", "og:url"} <= set(front.meta)
    assert front.links["canonical"] == first.links["canonical"]
    assert 'url=book/index.html"' in (known / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wrong", ["example.org/book", "ftp://example.org/", "https://example.org/?page=1", "https:///"]
)
def test_what_is_no_address_is_refused(monkeypatch, wrong):
    monkeypatch.setenv(site_metadata.VARIABLE, wrong)
    with pytest.raises(ValueError, match="is no address of a site"):
        site_metadata.address()


@pytest.mark.parametrize(
    "given", ["https://example.org/a/book", "https://example.org/a/book/", " https://example.org/a/book//"]
)
def test_address_ends_in_one_slash(monkeypatch, given):
    monkeypatch.setenv(site_metadata.VARIABLE, given)
    assert site_metadata.address() == SITE


@pytest.mark.parametrize("module", [site_metadata, not_found])
def test_examples_hold(module):
    assert doctest.testmod(module).failed == 0


class Lost(http.server.SimpleHTTPRequestHandler):
    """Serves a site under a path, as Pages does: 404.html at every address that leads nowhere."""

    def __init__(self, *args, under: str, **kwargs):
        self.under = under
        super().__init__(*args, **kwargs)

    def do_GET(self):
        if self.path.startswith(self.under):
            self.path = self.path[len(self.under) - 1 :]
            if not self.translate_path(self.path).endswith("/") and self._exists():
                return super().do_GET()
        with open(f"{self.directory}/404.html", "rb") as file:
            text = file.read()
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        return None

    def _exists(self) -> bool:
        return Path(self.translate_path(self.path)).is_file()

    def log_message(self, *args):
        pass


@pytest.mark.parametrize(("built", "under"), [("known", "/a/book/"), ("unknown", "/")])
def test_a_lost_reader_finds_a_whole_page_at_any_depth(built, under, request, browser):
    site = request.getfixturevalue(built)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Lost, directory=str(site), under=under))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page, failed, errors = browser.new_page(), [], []
        page.on("response", lambda r: failed.append(r.url) if r.status >= 400 and r.url != address else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        for lost in ("nowhere", "book/nowhere.html", "book/very/deep/nowhere.html?page=1"):
            address = f"http://127.0.0.1:{server.server_port}{under}{lost}"
            page.goto(address)
            assert page.locator("article h1").inner_text().startswith("There is no page here")
            assert page.evaluate("document.styleSheets.length") > 3
            assert (failed, errors) == ([], [])
        page.click("article a >> text=glossary")
        assert page.url.endswith(f"{under}book/glossary.html")
    finally:
        server.shutdown()
        server.server_close()
