"""Sphinx extension: what others are told of a page: a description, a card for social networks, the way to it.

Each page gets a description in plain text, from its line "In this chapter" or its first sentences. If the address of
the site is known, from the environment variable BOOK_SITE, each page also names its own address (canonical) and the
card's picture, and `sitemap.xml` lists the pages. Without an address there is none of these: they would lie. The page
in the site's first folder, which only leads on to the first of the book, tells the same as that one.
"""

import html
import os
import re
from pathlib import Path
from xml.sax.saxutils import escape

import card
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

VARIABLE = "BOOK_SITE"
PICTURE = "_static/card.png"
LONGEST = 160  # characters that a search engine shows of a description
ACTS = "In this chapter:"
NO_TEXT = re.compile(r"\s*(\[[A-Z][\w+, ]*\]|\((Fig\.|Table) [\d.]+\))|\\")  # citations, numbers of figures, markup
OWN = {  # pages that Sphinx makes
    "genindex": "Every term of the glossary and every name of the package toyclip, with the page that explains it.",
    "search": "Search all pages of Deconstructing CLIP: a book that runs.",
    "404": "There is no page at this address; the table of contents leads on.",
}
FRONT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}" />{tags}
</head>
<body><main><h1>{title}</h1><p><a href="{page}">To the book</a></p></main></body>
</html>
"""


def address() -> str:
    """The address of the site, with a slash at its end; empty if it is not known.

    Raises:
        ValueError: if the variable holds something else than a web address.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given and not re.fullmatch(r"https?://[\w.:-]+(/[^\s?#]*)?", given):
        raise ValueError(f"{VARIABLE}={given!r} is no address of a site; give one such as https://example.org/book/")
    return given.rstrip("/") + "/" if given else ""


def know_address(app: Sphinx, config: Config) -> None:
    """With it, Sphinx writes the canonical link of each page."""
    config.html_baseurl = address()


def shortened(text: str) -> str:
    """As many whole sentences as fit, or a sentence cut between two of its words, with an ellipsis.

    >>> shortened("One sentence of more than forty characters. " + "Two words, " * 20)
    'One sentence of more than forty characters.'
    >>> shortened("Two words, " * 20)[-13:], len(shortened("Two words, " * 20))
    (' words, Two …', 159)
    """
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    ends = [match.end() for match in re.finditer(r"[.?!][”\"]?(?= [A-Z])", text[: LONGEST + 2])]
    if ends and LONGEST / 4 < ends[-1] <= LONGEST:
        return text[: ends[-1]]
    return re.sub(r"[\s,;:(]+\S*$", "", text[: LONGEST - 1]) + " …"


def description(doctree: nodes.document) -> str:
    """What a page is about: what its line "In this chapter" says, or its first paragraph."""
    texts = [p.astext() for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section)]
    texts = [text for text in texts if not text.startswith("Reading time")]
    acts = [text.removeprefix(ACTS).strip() for text in texts if text.startswith(ACTS)]
    text = NO_TEXT.sub("", (acts or texts or [""])[0])
    return shortened(text[:1].upper() + text[1:])


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Write the tags into the head of a page."""
    title = html.unescape(re.sub("<[^>]+>", "", context.get("title", "")))
    about = description(doctree) if doctree is not None else OWN.get(page, "")
    tags = {
        "description": about,
        "og:title": title,
        "og:description": about,
        "og:type": "website" if page == app.config.root_doc else "article",
        "og:site_name": app.config.project,
        "twitter:card": "summary",
    }
    if address() and doctree is not None:
        tags |= {
            "og:url": address() + app.builder.get_target_uri(page),
            "og:image": address() + PICTURE,
            "og:image:width": str(card.SIZE[0]),
            "og:image:height": str(card.SIZE[1]),
            "og:image:alt": card.ALT,
            "twitter:card": "summary_large_image",
        }
    if doctree is None:
        context["pageurl"] = None  # what Sphinx makes is for readers, not for search engines
        tags = {"description": about, "robots": "noindex"}
    written = "".join(
        f'\n<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{html.escape(value)}" />'
        for name, value in tags.items()
        if value
    )
    context["metatags"] = context.get("metatags", "") + written
    if page == app.config.root_doc != "index":
        (app.outdir / "index.html").write_text(front_page(app, page, title, written), encoding="utf-8")


def front_page(app: Sphinx, page: str, title: str, tags: str) -> str:
    """The page in the site's first folder, which leads on to the first of the book."""
    to = app.builder.get_target_uri(page)
    if address():
        tags += f'\n<link rel="canonical" href="{address()}{to}" />'
    if app.config.html_favicon:
        tags += f'\n<link rel="icon" href="_static/{Path(app.config.html_favicon).name}" />'
    return FRONT.format(title=html.escape(title), page=to, tags=tags)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Draw the card and write the map of the site, if its address is known."""
    if error or app.builder.format != "html" or not address():
        return
    card.draw(app.outdir / PICTURE)
    pages = "".join(
        f"  <url><loc>{escape(address() + app.builder.get_target_uri(page))}</loc></url>\n"
        for page in sorted(app.env.found_docs)
    )
    (app.outdir / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{pages}</urlset>\n',
        encoding="utf-8",
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", know_address)
    app.connect("html-page-context", describe)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
