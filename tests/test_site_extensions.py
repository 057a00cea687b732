"""The extensions that mend the site and make it lean, on pieces small enough to see what has to come out."""

import gc
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pybtex.plugin
import pydata_sphinx_theme
import pytest
from _ext import formulas, lean, mended, quick
from _ext.stylesheet import names, needed, pruned
from fontTools.ttLib import TTFont

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
PAGE = (
    "".join(f"{old}\n" for old in mended.MENDED)
    + """
<script src="../_static/clipboard.min.js"></script>
<script defer src="../_static/scripts/fontawesome.js?digest=1"></script>
<script>const THEBE_JS_URL = "https://unpkg.com/thebe";</script>
<script src="../searchindex.js"></script>
<div role="list"><div role="doc-biblioentry">A book</div></div>
"""
)


# --- style sheets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".a{color:red}.b{color:blue}", ".a{color:red}"),
        (".a,.b{color:red}", ".a{color:red}"),
        ("p.a .b{color:red}p{color:blue}", "p{color:blue}"),
        ("p:not(.b){color:red}", "p:not(.b){color:red}"),
        (":is(.a,.b) p{color:red}", ":is(.a,.b) p{color:red}"),
        ("[title='.b']{color:red}", "[title='.b']{color:red}"),
        (r".a\:b{color:red}", ""),
        ("@media print{.b{color:red}}", ""),
        ("@media print{.a{color:red}.b{color:red}}", "@media print{.a{color:red}}"),
        ("@font-face{src:url(b.woff)}", "@font-face{src:url(b.woff)}"),
        ("@keyframes b{from{top:0}to{top:1px}}.a{top:0}", "@keyframes b{from{top:0}to{top:1px}}.a{top:0}"),
        ('.a::before{content:"}.b{"}.b{top:0}', '.a::before{content:"}.b{"}'),
        ("/*! licence */.a{top:0}/* note */", "/*! licence */.a{top:0}"),
        ("@import url(other.css);.b{top:0}", "@import url(other.css);"),
    ],
)
def test_rules_stay_if_their_classes_occur(css, left):
    assert pruned(css, {"a"}) == left


def test_classes_come_from_pages_and_from_words_of_scripts():
    known = names(['<i class="one two-b"></i> class'], ['x.className = "three-c " + four'])
    assert {"one", "two-b", "three-c", "four"} <= known
    assert "class" not in known
    assert needed(r".w-1\/2", {"w-1/2"})


def test_theme_keeps_what_is_used_and_little_else():
    css = (THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    left = pruned(css, {"admonition", "fa-bars", "fa-solid"})
    assert ".admonition{" in left
    assert ".fa-bars" in left
    assert ".carousel" not in left
    assert len(left) < len(css) / 4
    assert left.count("{") == left.count("}")


# --- pages -----------------------------------------------------------------------------------------------------------


def test_page_is_mended():
    html = mended.mended(PAGE)
    assert "clipboard" in html
    assert 'role="listitem"' in html
    assert 'data-default-mode="auto"' in html
    for gone in ("fontawesome", "unpkg", "searchindex", "doc-biblioentry"):
        assert gone not in html
    assert "searchindex" in mended.mended(PAGE, search=True)


def test_lines_of_a_signature_are_no_definitions():
    list_of_terms = "<dl>\n<dt>a</dt><dd>b</dd></dl>"
    html = mended.mended(f"{PAGE}<dl>\n<dd>x: int,</dd>\n<dd>y: int,</dd>\n</dl>{list_of_terms}")
    assert '<div class="sig-lines"><div>x: int,</div>\n<div>y: int,</div></div>' in html
    assert list_of_terms in html


@pytest.mark.parametrize("old", mended.MENDED)
def test_theme_that_has_changed_is_an_error(old):
    with pytest.raises(ValueError, match="no longer writes"):
        mended.mended(PAGE.replace(old, ""))


def test_site_is_entered_by_a_whole_page(tmp_path):
    (tmp_path / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=book/index.html" />\n')
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=tmp_path)
    mended.mend(app, None)
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="book/index.html"' in html
    assert "<title>" in html
    mended.mend(app, None)
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == html


@pytest.mark.parametrize(("body", "scripts"), [("<p>text</p>", 0), (f"<span {formulas.MARK} nohighlight></span>", 2)])
def test_only_a_page_with_formulas_loads_katex(body, scripts):
    added = []
    app = SimpleNamespace(add_js_file=lambda name, **_: added.append(name), add_css_file=lambda name, **_: None)
    formulas.load_katex(app, "page", "page.html", {"body": body}, None)
    assert len(added) == scripts


# --- weight ----------------------------------------------------------------------------------------------------------


def test_icon_font_keeps_the_icons_that_are_named(tmp_path):
    fonts = tmp_path / lean.FONTS
    fonts.mkdir(parents=True)
    original = THEME / lean.FONTS / "fa-solid-900.ttf"
    (fonts / original.name).write_bytes(original.read_bytes())
    face = 'src:url(../f/fa-solid-900.woff2) format("woff2"),url(../f/fa-solid-900.ttf) format("truetype")'
    (tmp_path / "theme.css").write_text(f'@font-face{{{face}}}.fa-bars{{--fa:"\\f0c9"}}')
    lean.subset_icons(tmp_path)
    kept = fonts / "fa-solid-900.woff"
    assert 0xF0C9 in TTFont(kept).getBestCmap()
    assert len(TTFont(kept).getBestCmap()) == 1
    assert kept.stat().st_size < 3000
    assert [path.name for path in fonts.iterdir()] == [kept.name]
    assert 'src:url(../f/fa-solid-900.woff) format("woff")}' in (tmp_path / "theme.css").read_text()


def test_notebook_to_download_keeps_its_code_alone(tmp_path):
    notebook = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output("stream", text="2\n")
    notebook.cells = [
        nbformat.v4.new_markdown_cell("text"),
        nbformat.v4.new_code_cell("print(1 + 1)", outputs=[output], execution_count=1),
    ]
    nbformat.write(notebook, tmp_path / "page.ipynb")
    lean.strip_outputs(tmp_path / "page.ipynb")
    text, code = nbformat.read(tmp_path / "page.ipynb", as_version=4).cells
    assert (text.source, code.source) == ("text", "print(1 + 1)")
    assert (code.outputs, code.execution_count) == ([], None)


def test_garbage_is_looked_for_again_after_the_build_and_plugins_are_those_of_before(monkeypatch):
    found, finished = pybtex.plugin.find_plugin("pybtex.backends", "html"), []
    monkeypatch.setattr(pybtex.plugin, "_load_entry_point", pybtex.plugin._load_entry_point)
    quick.setup(SimpleNamespace(connect=lambda event, work: finished.append((event, work))))
    try:
        assert not gc.isenabled()
        assert pybtex.plugin.find_plugin("pybtex.backends", "html") is found
        with pytest.raises(pybtex.plugin.PluginNotFound):
            pybtex.plugin.find_plugin("pybtex.backends", "none")
    finally:
        ((event, work),) = finished
        work(None, None)
    assert (event, gc.isenabled()) == ("build-finished", True)
