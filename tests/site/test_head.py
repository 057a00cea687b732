"""What each built page tells others of itself: a title and a description of its own."""

import re
from html import unescape
from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"
FRONT = SITE / "index.html"  # leads on to book/index.html, and says the same


@pytest.fixture(scope="module")
def heads() -> dict[str, str]:
    """The head of every page."""
    if not FRONT.exists():
        pytest.fail("the site is not built; run `make book`")
    pages = [path for path in SITE.rglob("*.html") if "_static" not in path.relative_to(SITE).parts and path != FRONT]
    return {
        path.relative_to(SITE).as_posix(): path.read_text(encoding="utf-8").partition("</head>")[0] for path in pages
    }


def described(head: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'<meta name="description" content="([^"]*)"', head)]


def test_every_page_has_one_description_that_fits(heads):
    assert {"404.html", "search.html", "book/index.html", "book/reference.html"} <= heads.keys()
    for page, head in heads.items():
        (text,) = described(head)
        assert 30 <= len(text) <= 160, page
        assert not re.search(r"[<>\\{}]|\[[A-Z]", text), page  # no markup, no citation


def test_no_two_pages_say_the_same(heads):
    for said in (
        [described(head)[0] for head in heads.values()],
        [re.search("<title>.*", h)[0] for h in heads.values()],
    ):
        assert len(set(said)) == len(heads)
