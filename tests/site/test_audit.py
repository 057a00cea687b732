"""The audit sees each fault on a small page that has this one and no other."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit import LOOKS, audit
from browser import served
from built import out_of_date

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">{head}</head>
<body><main><h1>A page</h1><article>{body}</article></main></body></html>
"""
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
CELL = '<div style="width: 2000px">wide</div>'
LINKED = "Much is said on <a href='page.html'>this page</a> of all that there is to be said of it."
FAULTS = {  # name: (what stands in the page, what the audit has to say)
    "picture without words": (f'<img src="{DOT}">', "image-alt (critical)"),
    "pale text": ('<p style="color: #bbb">pale</p>', "color-contrast (serious)"),
    "pale text in a folded part": (
        '<details><summary>more</summary><p style="color: #bbb">pale</p></details>',
        "color-contrast (serious)",
    ),
    "pale text in the dark theme": (
        "<style>@media (prefers-color-scheme: dark) { p { color: #bbb } }</style><p>pale</p>",
        "dark: color-contrast (serious)",
    ),
    "pale on a ground of its own": (
        '<p style="color: #666">dark</p><div style="background: #aaa"><p style="color: #666">pale</p></div>',
        "color-contrast (serious)",
    ),
    "pale because a part is dimmed": (
        '<p style="color: #333">dark</p><div style="opacity: 0.3"><p style="color: #333">pale</p></div>',
        "color-contrast (serious)",
    ),
    "pale because it is small": (
        '<p style="color: #888; font-size: 40px">large</p><p style="color: #888; font-size: 12px">small</p>',
        "color-contrast (serious)",
    ),
    "pale in a part that is moved": (
        '<p style="color: #666">dark</p><div style="background: #aaa; position: relative; left: 9px">'
        '<p style="color: #666">pale</p></div>',
        "color-contrast (serious)",
    ),
    "pale comment in code": (
        "<pre><span>a</span> <span class='c' style='color: #bbb'># b</span></pre>",
        "color-contrast",
    ),
    "link almost like its text": (
        f"<style>a {{ text-decoration: none; color: #333 }} .marked a {{ text-decoration: underline }}</style>"
        f"<p class='marked'>{LINKED}</p><p>{LINKED}</p>",
        "link-in-text-block (serious)",
    ),
    "link like a text of another colour": (
        f"<style>a {{ text-decoration: none; color: #00f }} .blue {{ color: #00c }}</style>"
        f"<p>{LINKED}</p><p class='blue'>{LINKED}</p>",
        "link-in-text-block (serious)",
    ),
    "wide table": (f"<table><tr><td>{CELL}</td></tr></table>", "the page is 20"),
    "table cut off": (f'<div style="overflow: hidden"><table><tr><td>{CELL}</td></tr></table></div>', "reaches"),
    "formula cut off": (
        '<span class="katex-html" style="display: block; overflow: hidden">' + CELL + "</span>",
        "cuts off",
    ),
    "word cut off": ('<p style="overflow-x: hidden; width: 50px">Deconstructing</p>', "cuts off"),
    "code cut off by the box around it": (
        '<div style="overflow: hidden; width: 200px"><p>See <code style="white-space: nowrap">'
        'ToyCLIP(Config(image_encoder="strided"), seed=0)</code>.</p></div>',
        "cuts off",
    ),
    "wide on a phone": ('<div style="width: 500px">wide</div>', "360 px: the page is 5"),
    "script that throws": ("<script>throw new Error('planted')</script>", "exception: planted"),
    "promise that breaks": ("<script>Promise.reject(new Error('planted'))</script>", "exception: planted"),
    "error in the console": ("<script>console.error('planted')</script>", "console: planted"),
    "picture of another host": ('<img alt="a dot" src="http://example.org/dot.png">', "asks another host"),
    "picture that is not there": ('<img alt="a dot" src="missing.png">', "answer 404"),
    "request that comes late": ("<script>setTimeout(() => fetch('late.json'), 300)</script>", "answer 404"),
    "text outside of all landmarks": ("</article></main><p>astray</p><main><article>", "region (moderate)"),
    "empty header": ("<table><tr><th></th><th>a</th></tr><tr><td>1</td><td>2</td></tr></table>", "empty-table-header"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("small")
    with served(folder) as address:
        yield folder, address


def look(small, browser, body: str, head: str = "", widths: tuple[int, ...] = (1280,)) -> list[str]:
    folder, address = small
    (folder / "page.html").write_text(PAGE.format(head=head, body=body), encoding="utf-8")
    return audit(browser, f"{address}/page.html", widths).faults


def test_sound_page_has_no_fault(small, browser):
    sound = f"<p>Text.</p><div style='overflow-x: auto' tabindex='0'><table><tr><td>{CELL}</td></tr></table></div>"
    assert look(small, browser, sound, widths=tuple(LOOKS)) == []


@pytest.mark.parametrize(("body", "complaint"), FAULTS.values(), ids=FAULTS)
def test_fault_is_seen(body, complaint, small, browser):
    faults = look(small, browser, body, widths=(360,) if complaint.startswith(("360", "dark")) else (1280,))
    assert any(complaint in fault for fault in faults), faults


def test_missing_script_is_seen(small, browser):
    assert any("answer 404" in fault for fault in look(small, browser, "", '<script src="missing.js"></script>'))


def test_bytes_are_those_of_the_page_and_all_it_asks_for(small, browser):
    folder, address = small
    (folder / "big.js").write_text("//" + 10_000 * "x", encoding="utf-8")
    page = PAGE.format(head='<script src="big.js"></script>', body="")
    (folder / "page.html").write_text(page, encoding="utf-8")
    assert audit(browser, f"{address}/page.html").bytes == len(page.encode()) + 10_002
    late = PAGE.format(head="<script>setTimeout(() => fetch('big.js'), 300)</script>", body="")
    (folder / "page.html").write_text(late, encoding="utf-8")
    assert audit(browser, f"{address}/page.html").bytes == len(late.encode()) + 10_002


def test_missing_or_old_site_is_named(tmp_path):
    site = tmp_path / "_build" / "html"
    assert "run `make book`" in out_of_date(tmp_path, site)
    (tmp_path / "book").mkdir()
    for name in ("_config.yml", "_toc.yml", "book/data.ipynb"):
        (tmp_path / name).write_text("")
    site.mkdir(parents=True)
    for name in ("index.html", "searchindex.js"):
        (site / name).write_text("")
    assert out_of_date(tmp_path, site) == ""
    later = (site / "searchindex.js").stat().st_mtime + 10
    os.utime(tmp_path / "book" / "data.ipynb", (later, later))
    assert "book/data.ipynb" in out_of_date(tmp_path, site)
