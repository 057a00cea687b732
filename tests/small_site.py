"""A site of a few lines, built by Sphinx with the book's own extensions, in seconds."""

import os
import subprocess
import sys
from pathlib import Path

BOOK = Path(__file__).parents[1] / "book"
FORMULAS = """
from docutils.nodes import SkipNode

def formula(self, node):
    self.body.append(self.encode(node.astext()))
    raise SkipNode

def setup(app):
    app.add_html_math_renderer("text", (formula, None), (formula, None))

html_math_renderer = "text"
"""  # as text: a site of this kind needs no library for them


def build(folder: Path, pages: dict[str, str], extensions: list[str], config: str = "", **environment: str) -> Path:
    """The folder of the built site; a warning is an error.

    Args:
        folder: an empty one.
        pages: name without folder -> MyST Markdown, or reStructuredText if it begins with "..". The first is the root.
        extensions: of book/_ext.
        config: more lines of Sphinx's conf.py.
        environment: variables that the build sees, BOOK_SITE for instance.
    """
    for name, text in pages.items():
        path = folder / "book" / f"{name}.{'rst' if text.startswith('..') else 'md'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    root, *others = (f"book/{name}" for name in pages)
    toctree = "\n".join(["```{toctree}", ":hidden:", *others, "```"]).replace("book/", "")
    first = folder / f"{root}.md"
    first.write_text(f"{first.read_text(encoding='utf-8')}\n\n{toctree}\n", encoding="utf-8")
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(BOOK / '_ext')!r})\n"
        f"project = html_title = 'A small site'\nroot_doc = {root!r}\nnitpicky = False\n"
        f"extensions = {['myst_parser', *extensions]!r}\nmyst_enable_extensions = ['dollarmath']\n"
        f"html_theme = 'sphinx_book_theme'\nhtml_static_path = [{str(BOOK / '_static')!r}]\n"
        f"exclude_patterns = ['out']\n{FORMULAS}\n{config}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(folder), str(folder / "out")]
    environment = os.environ | {"PYTHONPATH": str(BOOK.parent)} | environment
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "out"
