"""Sphinx extension: in the chapters, public names lead to their entry in the reference; notebooks stay as they are.

On each page the first mention of a name in the prose becomes a link, and so does its first use in code, and if that is
folded away, the first one in sight too. The section that explains a name ends in a link to its entry.
"""

import re
from importlib import import_module

from docutils import nodes
from reference import EXPLAINED, FOLDER, PAGE, PUBLIC, found
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.writers.html5 import HTML5Translator

from toyclip import _HOME

MENTION = re.compile(rf"(?:toyclip\.)?({'|'.join(PUBLIC)})(?:\(.*)?", re.DOTALL)
IMPORT = re.compile(r"^\s*from toyclip(?:\.(\w+))? import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
FOLDED = {"tag_hide-input", "tag_hide-cell"}
PLAIN = (nodes.title, nodes.reference, nodes.caption)  # in these no word becomes a link


def calls(code: str) -> set[tuple[str, str]]:
    """How code can call public names after its imports from toyclip: (module before the point, perhaps "", name).

    >>> sorted(calls("from toyclip import info_nce, loss_floor\\nfrom toyclip.train import fit as adapt, batches"))
    [('', 'batches'), ('', 'info_nce'), ('loss_floor', 'floor')]
    """
    named = set()
    for module, many, one in IMPORT.findall(code):
        for name in re.findall(r"\w+", re.sub(r"\w+ as \w+|#.*", "", many or one)):
            if name in PUBLIC and (not module or holds(module, name)):
                named.add(("", name))
            elif not module and name in _HOME.values():
                named |= {(name, public) for public in PUBLIC if holds(name, public)}
    return named


def holds(module: str, name: str) -> bool:
    """Whether a module of the package has a public name, of its own or imported."""
    return getattr(import_module(f"toyclip.{module}"), name, None) is found(name)


def link_code(html: str, module: str, name: str, uri: str) -> str:
    """Highlighted code in which the first use of a name is a link; as it was if the name is not used.

    >>> link_code('<span class="n">fit</span><span class="p">(</span>', "", "fit", "r.html#fit")
    '<a class="public" href="r.html#fit"><span class="n">fit</span></a><span class="p">(</span>'
    """
    point = '<span class="o">.</span>'
    before = f'(?<=<span class="n">{module}</span>{re.escape(point)})' if module else f"(?<!{re.escape(point)})"
    use = f'{before}<span class="n[fc]?">{name}</span>(?!<span class="o">=</span>)'
    return re.sub(use, rf'<a class="public" href="{uri}">\g<0></a>', html, count=1)


def folded(node: nodes.Node) -> bool:
    """Whether a piece of code is in a cell that the page folds."""
    while node is not None and not FOLDED & set(node.get("classes", ())):
        node = node.parent
    return node is not None


def visit_code(self: HTML5Translator, node: nodes.literal_block) -> None:
    """Write a piece of code as ever, then put links around the names that it uses for the first time."""
    page, hidden, start = self.builder.current_docname, folded(node), len(self.body)
    if not hasattr(self, "public_calls"):  # a translator writes one page
        code = "\n".join(block.astext() for block in self.document.findall(nodes.literal_block))
        self.public_calls, self.public_linked = sorted(calls(code)) if page != PAGE else [], set()
    try:
        type(self).visit_literal_block(self, node)
    finally:  # it ends in SkipNode
        html = "".join(self.body[start:])
        for module, name in self.public_calls:
            if not {(name, False), (name, hidden)} & self.public_linked:
                linked = link_code(html, module, name, entry_uri(self.builder, page, name))
                if linked != html:
                    self.public_linked.add((name, hidden))
                html = linked
        self.body[start:] = [html]


def leave_code(self: HTML5Translator, node: nodes.literal_block) -> None:
    """As ever."""
    type(self).depart_literal_block(self, node)


def entry_uri(builder: Builder, page: str, name: str) -> str:
    """The way from a page to the entry of a name."""
    return f"{builder.get_relative_uri(page, PAGE)}#toyclip.{name}"


def entry_link(builder: Builder, page: str, name: str, text: nodes.Node) -> nodes.reference:
    """A link to the entry of a name."""
    return nodes.reference("", "", text, internal=True, refuri=entry_uri(builder, page, name), classes=["public"])


def link_mentions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make links of the first mention of each name in a page's prose, and end the sections that explain names in one."""
    linked = set()
    for literal in list(doctree.findall(nodes.literal)) if page != PAGE else ():
        mention, parent = MENTION.fullmatch(literal.astext()), literal.parent
        while parent is not None and not isinstance(parent, PLAIN):
            parent = parent.parent
        if mention and parent is None and mention[1] not in linked:
            linked.add(mention[1])
            literal.replace_self(entry_link(app.builder, page, mention[1], literal.deepcopy()))
    for chapter, anchor, names in EXPLAINED:
        for section in doctree.findall(nodes.section) if page == FOLDER + chapter else ():
            if anchor in section["ids"]:
                end_in_links(section, [entry_link(app.builder, page, n, nodes.literal(n, n)) for n in names])


def end_in_links(section: nodes.section, links: list[nodes.reference]) -> None:
    """Add a line to a section, before its first subsection; a second call adds to the same line."""
    inner = next((i for i, child in enumerate(section) if isinstance(child, nodes.section)), len(section))
    line = section[inner - 1]
    if "in-reference" not in line.get("classes", ()):
        line = nodes.paragraph("", "In the reference:", classes=["in-reference"])
        section.insert(inner, line)
    for link in links:
        line += [nodes.Text(" " if len(line) == 1 else ", "), link]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_node(nodes.literal_block, override=True, html=(visit_code, leave_code))
    app.connect("doctree-resolved", link_mentions)
    app.add_css_file("reference.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
