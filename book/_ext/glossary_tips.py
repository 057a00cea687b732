"""Sphinx extension: a term of the glossary shows its definition where it stands, on hover, focus and the first tap.

The definitions that a page needs are written into it, each once and hidden; a link to a term is described by its own
(aria-describedby), so that a screen reader reads it out without any script. `tips.js` shows and hides them. Nothing is
fetched, so that it works from the disk.
"""

import html
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = "book/glossary"
TERM = re.compile(r'<a class="reference internal"( href="[^"#]*glossary\.html#(term-[\w-]+)")')


def definitions(glossary: nodes.document) -> dict[str, tuple[str, str]]:
    """What the page says of each term: anchor -> (term, definition), both plain text."""
    found = {}
    for box in glossary.findall(addnodes.glossary):
        for item in box.findall(nodes.definition_list_item):
            (term, *_), meaning = item.findall(nodes.term), next(item.findall(nodes.definition))
            found |= {anchor: (term.astext(), plain(meaning)) for anchor in term["ids"]}
    return found


def plain(meaning: nodes.Element) -> str:
    """A definition as one line of text; its formulas without their markup.

    >>> plain(nodes.paragraph("", "", nodes.Text("costs "), nodes.math("", "-\\\\log p")))
    'costs −log p'
    """
    copy = meaning.deepcopy()
    for formula in list(copy.findall(nodes.math)):
        formula.replace_self(nodes.Text(formula.astext().replace("\\", "").replace("-", "−")))
    return " ".join(copy.astext().split())


def write_tips(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Describe each link to a term, and put the definitions at the end of the page."""
    if PAGE not in app.env.found_docs or page == PAGE or not TERM.search(context.get("body", "")):
        return
    known = definitions(app.env.get_doctree(PAGE))
    needed = dict.fromkeys(anchor for _, anchor in TERM.findall(context["body"]) if anchor in known)
    tips = "".join(
        f'<div role="tooltip" class="glossary-tip" id="tip-{anchor}" hidden><strong>{html.escape(term)}</strong> '
        f"{html.escape(meaning)}</div>"
        for anchor, (term, meaning) in ((anchor, known[anchor]) for anchor in needed)
    )
    body = TERM.sub(r'<a class="reference internal glossary-term"\1 aria-describedby="tip-\2"', context["body"])
    context["body"] = body + tips


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", write_tips)
    app.add_js_file("tips.js", loading_method="defer")
    app.add_css_file("tips.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
