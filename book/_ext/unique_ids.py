"""Sphinx extension: sphinx_exercise gives the inside of every exercise the same id; nothing leads there, so none has it."""

from docutils import nodes
from sphinx.application import Sphinx

REPEATED = {"exercise-content", "solution-content"}


def drop_repeated(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Take these ids away."""
    for section in doctree.findall(nodes.section):
        section["ids"] = [name for name in section["ids"] if name not in REPEATED]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-resolved", drop_repeated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
