"""Sphinx extension: 404.html, which a server shows at any address that leads nowhere, however deep.

Ways relative to the page would begin at that address, so all of them begin at the root of the site instead: the path in
BOOK_SITE, or the root of the host if the address is not known.
"""

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlparse

from site_metadata import address
from sphinx.application import Sphinx

PAGE = "404"
WAY = re.compile(r'((?:href|src|action|data-content_root)=")(?!\w+:|[#/])([^"]*)(")')
TEXT = """<h1>There is no page here</h1>
<p>Perhaps a chapter has another name now, or the address has a slip in it. The <a href="{root}">first page</a> of the
book says what stands where, the <a href="{glossary}">glossary</a> what the words mean, and the
<a href="search.html">search</a> finds the rest.</p>
"""


def pages(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """The page as Sphinx wants it: name, context, template."""
    glossary, root = (app.builder.get_target_uri(page) for page in ("book/glossary", app.config.root_doc))
    yield PAGE, {"title": "There is no page here", "body": TEXT.format(root=root, glossary=glossary)}, "page.html"


def from_the_root(text: str, root: str) -> str:
    """A page of the site's first folder, with every way of its own beginning at the root.

    >>> from_the_root('<a href="book/data.html#x"> <a href="#x"> <a href="https://a.org">', "/site/")
    '<a href="/site/book/data.html#x"> <a href="#x"> <a href="https://a.org">'
    """
    return WAY.sub(lambda way: way[1] + urljoin(root, way[2] or ".") + way[3], text)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Turn the ways of the page round."""
    path = app.outdir / f"{PAGE}.html"
    if not error and app.builder.name == "html":
        text = path.read_text(encoding="utf-8")
        path.write_text(from_the_root(text, urlparse(address()).path or "/"), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-collect-pages", pages)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
