"""Sphinx extension: when the site is built, takes from it what no page uses, so that it opens on a slow line.

Style rules for classes that do not occur, icons that nobody draws, maps of the theme's scripts, and the output stored in
the notebooks that a reader can download: the page shows it, and running the notebook makes it again.
"""

import logging
import re
from pathlib import Path

import nbformat
from _ext.stylesheet import names, pruned
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

OURS = ("book.css", "katex.min.css")
UNUSED = ("**/*.map", "locales/**/*.?o", "scripts/fontawesome.js*", "sphinx-thebe.*", "design-tabs.js")
FONTS = "vendor/fontawesome/webfonts"
ESCAPED = re.compile(r'"\\([0-9a-f]{2,5})')  # an icon in a style sheet


def prune_styles(site: Path) -> None:
    """Take the rules that no page needs from the style sheets that are not ours."""
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    scripts = [path.read_text(encoding="utf-8") for path in site.rglob("*.js")]
    known = names(pages, scripts)
    for path in (site / "_static").rglob("*.css"):
        if path.name not in OURS:
            path.write_text(pruned(path.read_text(encoding="utf-8"), known), encoding="utf-8")


def subset_icons(static: Path) -> None:
    """Keep of each icon font what the style sheets name."""
    sheets = list(static.rglob("*.css"))
    text = "".join(path.read_text(encoding="utf-8") for path in sheets)
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    icons = {int(code, 16) for code in ESCAPED.findall(text)}
    for path in sorted((static / FONTS).glob("*.ttf")):
        font = TTFont(path)
        maker = subset.Subsetter()
        maker.populate(unicodes=icons)
        maker.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))
        path.unlink()
        path.with_suffix(".woff2").unlink(missing_ok=True)
    source = re.compile(r'src:url\(([^)]*)\.woff2\) format\("woff2"\),url\([^)]*\.ttf\) format\("truetype"\)')
    for path in sheets:
        if path.name not in OURS:
            css = path.read_text(encoding="utf-8")
            path.write_text(source.sub(r'src:url(\1.woff) format("woff")', css), encoding="utf-8")


def strip_outputs(path: Path) -> None:
    """Take the output from a notebook."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Called when the pages are written and mended."""
    if exception is not None or app.builder.name != "html":
        return
    site = Path(app.outdir)
    for pattern in UNUSED:
        for path in (site / "_static").glob(pattern):
            path.unlink()
    prune_styles(site)
    subset_icons(site / "_static")
    for path in (site / "_sources").rglob("*.ipynb"):
        strip_outputs(path)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("build-finished", lighten, priority=700)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
