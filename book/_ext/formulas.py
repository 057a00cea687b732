"""Sphinx extension: formulas are drawn by KaTeX, a copy in book/_static/katex, and only pages that have any load it.

The pages hold TeX between `\\(` and `\\)`, as for MathJax, which weighs three times as much; book/_static/formulas.js
hands it to KaTeX.
"""

from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math

MARK = 'class="math notranslate'
SCRIPTS = ("katex/katex.min.js", "formulas.js")
STYLE = "katex/katex.min.css"


def load_katex(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Add the scripts and the style to a page with formulas."""
    if MARK in context.get("body", ""):
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")
        app.add_css_file(STYLE, priority=400)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("katex", (html_visit_math, None), (html_visit_displaymath, None))
    app.connect("html-page-context", load_katex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
