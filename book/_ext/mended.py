"""Sphinx extension: mends what the theme and docutils write into every page, and says where the theme has changed.

`mended` turns the text of one page into its better text; tests/site looks at the pages in a browser.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

SYSTEM = 'matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"'
MENDED = {  # what the theme writes, and what stands there instead
    # A reader who has chosen no theme gets that of the system; an empty mode makes the theme complain on every page.
    'localStorage.getItem("mode") || ""': 'localStorage.getItem("mode") || "auto"',
    'localStorage.getItem("theme") || ""': f'localStorage.getItem("theme") || ({SYSTEM})',
    'data-default-mode=""': 'data-default-mode="auto"',
    '<html lang="en"': '<html lang="en" data-theme="light"',  # colours for whom no script runs
    # The title and the search field stand in a landmark; its name tells it from the parts of the page.
    '<div id="pst-primary-sidebar"': '<div id="pst-primary-sidebar" role="complementary" aria-label="The book"',
    '<i class="fa-': '<i aria-hidden="true" class="fa-',  # an icon beside its word
}
UNUSED = (  # scripts that do nothing here, by a part of their line
    "scripts/fontawesome.js",  # puts drawings where the font has icons already
    "THEBE_JS_URL",  # declared twice, which is an error; there is no button for it
    "sphinx-thebe.",
    "design-tabs.js",
)
SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")  # only the search page needs them


# A long signature: its lines come as a list of definitions that define nothing.
PARAMETERS = re.compile(r"<dl>\s*(<dd>(?:(?!</?dl).)*</dd>)\s*</dl>", re.DOTALL)
ITEM = re.compile(r"(?<=<)dd>|(?<=</)dd>")
REDIRECT = re.compile(r'\s*<meta http-equiv="Refresh" content="0; url=([^"]*)" />\s*')
DOOR = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Deconstructing CLIP: a book that runs</title>
<link rel="icon" href="_static/favicon.svg">
<meta http-equiv="refresh" content="0; url={page}">
</head>
<body><main><h1><a href="{page}">Deconstructing CLIP: a book that runs</a></h1></main></body>
</html>
"""


def without(html: str, name: str) -> str:
    """A page without the scripts and links to styles that name a thing.

    >>> without('<script src="a.js"></script>\\n<script src="b.js"></script>', "a.js")
    '<script src="b.js"></script>'
    """
    line = r'<script[^>]*>[^<]*</script>\n?|<link rel="(?:stylesheet|preload)"[^>]*>\n?'
    return re.sub(line, lambda match: "" if name in match[0] else match[0], html)


def mended(html: str, search: bool = False) -> str:
    """The text of a page of the theme.

    Raises:
        ValueError: if something to mend is not there: the theme has changed, and MENDED has to follow.
    """
    for old, new in MENDED.items():
        if old not in html:
            raise ValueError(f"the theme no longer writes {old!r}; see whether it still needs mending")
        html = html.replace(old, new)
    for name in (*UNUSED, *(() if search else SEARCH)):
        html = without(html, name)
    html = PARAMETERS.sub(lambda match: f'<div class="sig-lines">{ITEM.sub("div>", match[1])}</div>', html)
    # A list has items. The role that docutils gives them is deprecated, and not allowed in a list.
    html = html.replace('role="doc-biblioentry"', 'role="listitem"')
    return html.replace('<th scope="col"></th>', "<td></td>")  # an empty corner of a table is no header


def mend(app: Sphinx, exception: Exception | None) -> None:
    """Mend all pages of the site that has been built."""
    if exception is None and app.builder.name == "html":
        for page in sorted(Path(app.outdir).rglob("*.html")):
            html = page.read_text(encoding="utf-8")
            if 'id="pst-primary-sidebar"' in html and 'role="complementary"' not in html:
                page.write_text(mended(html, page.name == "search.html"), encoding="utf-8")
            elif bare := REDIRECT.fullmatch(html):  # the way from the site's address to its first page
                page.write_text(DOOR.format(page=bare[1]), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("build-finished", mend, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
