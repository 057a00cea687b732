"""Sphinx extension: the reference of the package, written from its docstrings.

`.. public:: data` writes an entry for each name that the chapter explains, with a link to the section that does. The
way back, from the chapters to the entries, is made by `reference_links`.
"""

import ast
import dataclasses
import inspect
import re
import tokenize
from importlib import import_module
from io import StringIO

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import toyclip

FOLDER, PAGE = "book/", "book/reference"
EXPLAINED = (  # chapter, its section, the names that it explains; those with a module are not public but belong to them
    ("data", "what-is-in-a-pair", ("CAPTIONS", "Tokenizer")),
    ("data", "how-different-can-two-pictures-with-one-caption-be", ("data.Rendering",)),
    ("data", "which-pictures-may-a-test-use", ("Pairs", "world")),
    ("data", "and-pictures-that-nobody-here-drew", ("load_picture",)),
    ("encoders", "how-does-a-picture-become-64-numbers", ("load", "save")),
    ("encoders", "where-are-the-74-913-parameters", ("Config", "ToyCLIP")),
    ("infonce", "how-does-a-matrix-become-a-number", ("info_nce",)),
    ("infonce", "why-does-the-loss-stop-at-1-5", ("floor",)),
    ("zero_shot", "where-does-the-classifier-come-from", ("RECIPES", "Recipe", "batches", "fit")),
    ("zero_shot", "where-does-the-classifier-come-from", ("classifier", "accuracy")),
    ("cascade", "how-do-you-tie-a-sense-of-your-own", ("bind", "binding.Bound")),
)
PUBLIC = tuple(name for *_, names in EXPLAINED for name in names if "." not in name)
log = logging.getLogger(__name__)


class explained_in(nodes.General, nodes.Element):
    """Stands for the line that leads from an entry to its section; titles are known only when all pages are read."""


def found(name: str) -> object:
    """What a name of the table stands for.

    >>> found("info_nce").__module__, found("data.Rendering").__module__
    ('toyclip.infonce', 'toyclip.data')
    """
    home, _, inner = name.rpartition(".")
    return getattr(import_module(f"toyclip.{home}") if home else toyclip, inner)


def entry(name: str) -> list[str]:
    """The reStructuredText of a name: a directive of autodoc, or for a table what the comment above it says.

    >>> entry("info_nce")
    ['.. autofunction:: toyclip.info_nce', '']
    """
    if inspect.isclass(found(name)):
        return [f".. autoclass:: toyclip.{name}", "   :members:", "   :member-order: bysource", ""]
    if inspect.isfunction(found(name)):
        return [f".. autofunction:: toyclip.{name}", ""]
    said = ModuleAnalyzer.for_module(f"toyclip.{toyclip._HOME[name]}").find_attr_docs()["", name]
    return [f".. py:data:: toyclip.{name}", "", *(f"   {line}" for line in literals(said)), ""]


def literals(lines: list[str]) -> list[str]:
    """Docstrings write code in single backticks; here it takes two.

    >>> literals(["as `batches` makes them, ``so``"])
    ['as ``batches`` makes them, ``so``']
    """
    return [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line) for line in lines]


def field_comments(kind: type) -> dict[str, str]:
    """What the comments behind the fields of a dataclass say of them.

    >>> field_comments(toyclip.Pairs)["pixels"]
    '(N, 3, H, W) uint8'
    """
    source = inspect.getsource(kind)
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    fields = (node for node in ast.parse(source).body[0].body if isinstance(node, ast.AnnAssign))
    return {field.target.id: comments[field.end_lineno] for field in fields if field.end_lineno in comments}


def complete(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Add to the docstring of a dataclass what its fields are, and mark code as reStructuredText does."""
    if what == "class" and dataclasses.is_dataclass(thing):
        lines += [f"* ``{field}``: {comment}" for field, comment in field_comments(thing).items()] + [""]
    lines[:] = literals(lines)


def write_out(
    app: Sphinx, what: str, name: str, thing: object, options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Sphinx cannot read a star in a default, as in `(\"a\", *COLORS)`: here its value is written out."""
    starred = re.search(r"\([^()]*\*[^()]*\)", (signature or "")[1:])
    if not starred:
        return None
    value = eval(starred[0], vars(import_module(thing.__module__)))  # a piece of our own source
    return signature.replace(starred[0], repr(value)), returns


class Public(SphinxDirective):
    """`.. public:: data`: the entries of the names that a chapter explains."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        made = []
        for section, name in ((s, name) for chapter, s, names in EXPLAINED for name in names
                              if chapter == self.arguments[0]):  # fmt: skip
            box = nodes.container()
            self.state.nested_parse(StringList(entry(name), source=self.get_location()), self.content_offset, box)
            line = explained_in(chapter=self.arguments[0], section=section)
            next(iter(box.findall(addnodes.desc_content))).insert(1, line)  # after what it is
            made += box.children
        return made


def mend_signatures(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Sphinx writes a signature of several lines as a list of definitions without terms; here its lines are just lines.

    The marks are those of its HTML writer: a list without a class occurs nowhere else on the page.
    """
    if page == PAGE:
        lines = re.compile(r"<dl>\s*((?:<dd>.*?</dd>\s*)+)</dl>", re.DOTALL)
        each = {"<dd>": '<span class="sig-line">', "</dd>": "</span>"}
        context["body"] = lines.sub(lambda m: re.sub("</?dd>", lambda tag: each[tag[0]], m[1]), context["body"])


# --- the ways to the chapters ----------------------------------------------------------------------------------------


def section_title(env: BuildEnvironment, chapter: str, section: str) -> str | None:
    """The title of a section of a chapter; None if the chapter has no such section."""
    entries = env.tocs[FOLDER + chapter].findall(nodes.reference)
    return next((entry.astext() for entry in entries if entry["anchorname"] == f"#{section}"), None)


def check_sections(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of a name whose section is not there, and of a name that no section explains."""
    for chapter, section, names in EXPLAINED:
        if section_title(env, chapter, section) is None:
            log.warning("%s has no section #%s, which should explain %s", chapter, section, ", ".join(names))
    for name in set(toyclip._HOME) - set(PUBLIC):
        log.warning("book/_ext/reference.py does not say which section explains %s", name)


def lead_to_sections(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Write the line of each entry, now that the titles are known."""
    for line in list(doctree.findall(explained_in)):
        chapter, section = line["chapter"], line["section"]
        uri = f"{app.builder.get_relative_uri(page, FOLDER + chapter)}#{section}"
        title = section_title(app.env, chapter, section) or section
        link = nodes.reference("", title, internal=True, refuri=uri)
        where = nodes.Text(f"Explained in {app.env.titles[FOLDER + chapter].astext()}: ")
        line.replace_self(nodes.paragraph("", "", where, link, classes=["explained-in"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_node(explained_in)
    app.add_directive("public", Public)
    app.connect("autodoc-process-docstring", complete, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", write_out)
    app.connect("html-page-context", mend_signatures)
    app.connect("env-check-consistency", check_sections)
    app.connect("doctree-resolved", lead_to_sections)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
