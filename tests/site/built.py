"""Where the built site lies, and whether it is of now."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


def sources(root: Path) -> Iterator[Path]:
    """The files that the site is made of."""
    yield from (root / "_config.yml", root / "_toc.yml")
    book = root / "book"
    for path in book.rglob("*"):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(book).parts)
        if path.is_file() and not hidden:
            yield path


def out_of_date(root: Path, site: Path) -> str:
    """Why the site cannot be tested as it is; empty if it can."""
    if not (site / "index.html").exists():
        return "there is no site in _build/html: run `make book`"
    built = (site / "searchindex.js").stat().st_mtime  # the last file that every build writes
    newest = max(sources(root), key=lambda path: path.stat().st_mtime)
    if newest.stat().st_mtime > built:
        return f"the site in _build/html is older than {newest.relative_to(root)}: run `make book`"
    return ""
