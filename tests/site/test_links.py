"""Links, anchors and references inside the built site; those to other hosts are checked by `make links`."""

from pathlib import Path

import pytest
from links import Page, complaints

SITE = Path(__file__).parents[2] / "_build" / "html"


def test_every_way_inside_the_site_leads_somewhere():
    if not (SITE / "index.html").exists():
        pytest.fail("the site is not built; run `make book`")
    assert len(Page((SITE / "genindex.html").read_text(encoding="utf-8")).ways) > 80  # they are found
    assert complaints(SITE) == []


SOUND = {
    "index.html": '<meta http-equiv="Refresh" content="0; url=book/a.html" />',
    "404.html": '<a href="/book/a.html#one">back</a>',
    "book/a.html": '<h1 id="one">A</h1><a href="b.html#zw%C3%B6lf">B</a><a href="#one">top</a><img src="../p%201.png">'
    '<a href="https://example.org/nowhere">away</a> <a href="mailto:a@example.org">write</a> <a href="../book/">b</a>',
    "book/b.html": '<h1 id="zwölf">B</h1><a aria-describedby="tip two" href="a.html?x=1">A</a><p id="tip"><p id="two">',
    "book/index.html": "",
    "p 1.png": "",
}
BROKEN = {  # what is wrong: file, text in it, what stands there instead, how the complaint ends
    "page gone": ("book/a.html", "b.html", "c.html", "leads to no file of the site"),
    "picture gone": ("book/a.html", "../p%201.png", "../q.png", "leads to no file of the site"),
    "outside": ("book/a.html", "../p%201.png", "../../../../../../etc/hostname", "leads to no file of the site"),
    "anchor gone": ("book/b.html", "zwölf", "elf", "leads to no such place in the page"),
    "own anchor gone": ("book/a.html", "#one", "#two", "leads to no such place in the page"),
    "id twice": ("book/b.html", 'id="two"', 'id="tip"', "two elements have the id 'tip'"),
    "described by nothing": ("book/b.html", 'id="two"', "", "nothing has the id 'two'"),
    "front door": ("index.html", "book/a.html", "a.html", "leads to no file of the site"),
    "absolute": ("404.html", "/book/a.html", "/a.html", "leads to no file of the site"),
    "set of pictures": ("book/a.html", '<img src="', '<img srcset="r.png 2x" src="', "leads to no file of the site"),
}  # fmt: skip


@pytest.fixture
def site(tmp_path):
    for name, text in SOUND.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "site"


def test_sound_site_passes(site):
    assert complaints(site) == []


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_site_is_noticed(site, fault):
    name, text, instead, complaint = BROKEN[fault]
    path = site / name
    assert text in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(text, instead, 1), encoding="utf-8")
    assert any(found.endswith(complaint) for found in complaints(site))


def test_absolute_ways_begin_with_the_path_of_the_site(site):
    path = site / "404.html"
    path.write_text('<a href="/sub/book/a.html">A</a>', encoding="utf-8")
    assert complaints(site, "/sub/") == []
    assert complaints(site) != []
