"""The reference says what the docstrings say, and leads to the chapters as they lead to it; on a small site."""

import doctest
import html
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest
import reference
import reference_links
import small_site
from docutils.nodes import make_id
from reference import EXPLAINED, PUBLIC

import toyclip

BOOK = Path(__file__).parents[1] / "book"
CODE = """
~~~{container} tag_hide-input
```python
from toyclip import checkpoint
from toyclip.infonce import info_nce
```
~~~

```python
np.info_nce(2), window.fit(info_nce=3)
loss = info_nce(z)
again = info_nce(z)
```

Of `info_nce`, `info_nce(logits)` again, `np.floor`, `toyclip.floor([3], 2)` and `[floor](index)`.

```python
model, _ = checkpoint.load()
model, _ = checkpoint.load()
```
"""


def chapters() -> dict[str, str]:
    """For each chapter of the table a page with its sections; InfoNCE has prose and code, too."""
    pages = {}
    for chapter, section, _ in EXPLAINED:
        title, text = f"## {section.replace('-', ' ')}", pages.get(chapter, f"# `fit` and {chapter}\n")
        pages[chapter] = text + (f"\n{title}\n\nText.\n" if title not in text else "")
    pages["infonce"] += f"\n## Code\n{CODE}"
    return pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pages = {"index": "# Book", **chapters(), "notation": "# Notation"}
    pages["reference"] = ".. the page itself\n\n" + (BOOK / "reference.rst").read_text(encoding="utf-8")
    config = """
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 60
import reference_links
reference_links.FOLDED = {"tag-hide-input"}  # Markdown cannot make the class of a notebook's cell, which has a _
"""
    folder = tmp_path_factory.mktemp("reference")
    return small_site.build(folder, pages, ["reference", "reference_links"], config)


def text_of(page: str) -> str:
    """What a reader sees of a piece of HTML, in one line."""
    return " ".join(
        html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<a class=\"headerlink.*?</a>", "", page)))
        .replace("’", "'")
        .split()
    )


def entries(site: Path) -> dict[str, str]:
    """The HTML of each entry, up to the next."""
    text = (site / "book" / "reference.html").read_text(encoding="utf-8")
    starts = [(m[1], m.start()) for m in re.finditer(r'<dt class="sig sig-object py" id="toyclip\.([\w.]+)"', text)]
    return {name: text[start:end] for (name, start), (_, end) in zip(starts, [*starts[1:], ("", None)], strict=True)}


def article(site: Path, page: str) -> str:
    return (site / "book" / f"{page}.html").read_text(encoding="utf-8").partition('<article class="bd-article">')[2]


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_public_name_is_explained_once():
    assert sorted(PUBLIC) == sorted(name for name in toyclip.__all__ if name != "__version__")


@pytest.mark.parametrize(("chapter", "section"), [(chapter, section) for chapter, section, _ in EXPLAINED])
def test_section_stands_in_the_chapter(chapter, section):
    cells = json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert section in [make_id(title) for title in re.findall(r"(?m)^#+ (.*)$", prose)]


@pytest.mark.parametrize("module", [reference, reference_links])
def test_examples_hold(module):
    assert doctest.testmod(module).failed == 0


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in PUBLIC if callable(getattr(toyclip, name))])
def test_entry_says_what_the_docstring_says(site, name):
    thing, entry = getattr(toyclip, name), entries(site)[name]
    parameters = inspect.signature(thing).parameters
    assert re.findall(r'<span class="n"><span class="pre">(\w+)</span></span><span class="p">', entry)[
        : len(parameters)
    ] == list(parameters)
    said, lines = text_of(entry), inspect.getdoc(thing).splitlines()
    assert lines[0].replace("`", "") in said
    assert ("Raises" in said) == ("Raises:" in lines)
    assert all(line.split("  #")[0].strip() in said for line in lines if line.startswith(">>>"))
    if "Args:" in lines:
        assert "Parameters" in said


def test_types_of_the_package_lead_to_their_entries(site):
    entry = entries(site)["load"]
    assert 'href="#toyclip.ToyCLIP"' in entry
    assert 'href="#toyclip.Tokenizer"' in entry
    assert "Tensor" in text_of(entries(site)["info_nce"])


def test_fields_of_a_dataclass_say_what_they_are(site):
    assert "pixels: (N, 3, H, W) uint8" in text_of(entries(site)["Pairs"])
    assert "grad_clip: largest norm of the whole gradient" in text_of(entries(site)["Recipe"])


def test_defaults_are_readable_and_hold_no_path_of_this_machine(site):
    said = text_of("".join(entries(site).values()))
    assert "rendering: Rendering = Rendering()" in said
    assert "('a', 'red', 'blue'" in said
    assert str(BOOK.parent) not in said


def test_signature_of_many_lines_is_no_list_without_terms(site):
    page = article(site, "reference")
    assert "<dl>" not in page
    assert len(re.findall("<dd[ >]", page)) == page.count("</dd>")
    assert page.count('class="sig-line"') > 40


def test_tables_say_what_they_hold(site):
    assert "sixteen captions" in text_of(entries(site)["CAPTIONS"])
    assert "two recipes" in text_of(entries(site)["RECIPES"])


@pytest.mark.parametrize(("chapter", "section", "names"), EXPLAINED)
def test_entry_leads_to_the_section_and_the_section_back(site, chapter, section, names):
    page = article(site, chapter)
    (end,) = re.findall(rf'<section id="{section}">.*?</section>', page, re.DOTALL)
    for name in names:
        assert f'<a class="reference internal" href="{chapter}.html#{section}">' in entries(site)[name]
        assert f'href="reference.html#toyclip.{name}"' in end.partition("In the reference:")[2]


# --- the chapters ----------------------------------------------------------------------------------------------------


def links(html: str) -> list[tuple[str, str]]:
    """(name, what stands in the link) of each link to the reference."""
    found = re.findall(r'<a [^>]*href="reference\.html#toyclip\.([\w.]+)"[^>]*>(.*?)</a>', html)
    return [(name, text_of(inside)) for name, inside in found]


def test_first_mention_in_prose_and_first_use_in_sight_lead_to_the_entry(site):
    code = article(site, "infonce").partition('<section id="code">')[2].partition("</section>")[0]
    hidden, rest = code.split("</pre>", 1)
    assert '<span class="n">info_nce</span></a><span class="p">(</span><span class="n">z</span>' in rest  # not np's
    assert links(hidden) == [("info_nce", "info_nce")]
    assert links(rest) == [
        ("info_nce", "info_nce"),  # in sight
        ("info_nce", "info_nce"),  # in prose, without its second mention
        ("floor", "toyclip.floor([3], 2)"),
        ("load", "load"),
    ]


def test_text_stays_as_it_was(site):
    code = article(site, "infonce").partition('<section id="code">')[2]
    assert "np.info_nce(2), window.fit(info_nce=3) loss = info_nce(z) again = info_nce(z)" in text_of(code)


def test_no_title_becomes_a_link(site):
    for page in {chapter for chapter, *_ in EXPLAINED}:
        assert "reference.html" not in re.search(r"<h1>.*?</h1>", article(site, page), re.DOTALL)[0]


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("from toyclip.train import (\n    batches,\n    fit as adapt,  # save\n)", {("", "batches")}),
        ("from toyclip.data import Pairs, CLASSES", {("", "Pairs")}),
        ("from toyclip.figures import world\nfrom math import floor\nimport fit", set()),
        ("from toyclip import loss_floor as lowest, accuracy", {("", "accuracy")}),
        ("from toyclip import infonce", {("infonce", "info_nce")}),
    ],
)
def test_calls_follow_from_the_imports(code, calls):
    assert reference_links.calls(code) == calls


@pytest.mark.parametrize("name", PUBLIC)
def test_home_of_a_name_is_a_module_that_holds_it(name):
    module = importlib.import_module(f"toyclip.{toyclip._HOME[name]}")
    assert getattr(module, name) is getattr(toyclip, name)
