"""Every way inside a built site leads somewhere: to a file that is there, and to an id that the page has."""

import posixpath
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

WAYS = {"href", "src", "poster", "data", "action", "aria-describedby", "aria-labelledby", "aria-controls", "for"}
IDS = {"aria-describedby", "aria-labelledby", "aria-controls", "for"}  # name ids of the same page, several at once


class Page(HTMLParser):
    """The ids of a page and its ways to elsewhere.

    >>> page = Page('<h1 id="a">A</h1><a href="b.html#c">B</a><img srcset="1.png 1x, 2.png 2x">')
    >>> page.ids, page.ways
    (['a'], ['b.html#c', '1.png', '2.png'])
    """

    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.ways: list[str] = []
        self.parts: list[str] = []  # ids that other elements of the page speak of
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.ids.append(value)
            elif name in IDS and value:
                self.parts += value.split()
            elif name in WAYS and value is not None:
                self.ways.append(value)
            elif name == "srcset" and value:
                self.ways += [candidate.split()[0] for candidate in value.split(",")]
            elif name == "content" and value and "url=" in value.lower():  # <meta http-equiv="refresh">
                self.ways.append(value[value.lower().index("url=") + 4 :])


def complaints(site: Path, prefix: str = "/") -> list[str]:
    """What leads nowhere or stands twice in the pages of a site.

    Args:
        site: the folder of the built site.
        prefix: what an absolute path of the site begins with.
    """
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    names = sorted(name for name in there if name.endswith(".html") and not name.startswith("_static/"))
    pages = {name: Page((site / name).read_text(encoding="utf-8")) for name in names}
    ids = {name: Counter(page.ids) for name, page in pages.items()}
    found = []
    for name, page in pages.items():
        found += [f"{name}: two elements have the id {i!r}" for i, times in ids[name].items() if times > 1]
        found += [f"{name}: nothing has the id {i!r}" for i in sorted(set(page.parts) - set(ids[name]))]
        for way in dict.fromkeys(page.ways):
            address = urlsplit(way)
            if address.scheme or address.netloc:
                continue
            target, inside = name, unquote(address.path)
            if inside:
                inside = (
                    inside.removeprefix(prefix) if inside.startswith("/") else f"{posixpath.dirname(name)}/{inside}"
                )
                target = posixpath.normpath(inside.removeprefix("/"))
            if target not in there:
                target = posixpath.normpath(f"{target}/index.html")  # a folder
            if target not in there:
                found.append(f"{name}: {way} leads to no file of the site")
            elif address.fragment and target in ids and unquote(address.fragment) not in ids[target]:
                found.append(f"{name}: {way} leads to no such place in the page")
    return found
