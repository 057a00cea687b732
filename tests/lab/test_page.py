"""A table reaches a screen reader and a phone: its caption, its heads, the name of each cell's column."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyclip.lab import page


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, instead of displaying it."""
    bundles = []
    monkeypatch.setattr(page, "display", lambda data, raw: bundles.append(data))
    return bundles


class Cells(HTMLParser):
    """Reads a table: tag, attributes and text of every caption and cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag):
        self.found.append(("", {}, ""))  # what follows belongs to no cell

    def handle_data(self, data):
        tag, attrs, text = self.found[-1]
        self.found[-1] = (tag, attrs, text + data)


def test_table_names_its_columns_and_rows(shown):
    page.table([{"batch": 8, "nats": "2.08"}, {"batch": 64, "nats": "<4.16"}], "Knowing nothing")
    cells = Cells(shown[0]["text/html"]).found
    assert [text for tag, _, text in cells if tag == "caption"] == ["Knowing nothing"]
    assert [(a["scope"], text) for tag, a, text in cells if tag == "th"] == [
        ("col", "batch"),
        ("col", "nats"),
        ("row", "8"),
        ("row", "64"),
    ]
    assert [(a["data-label"], text) for tag, a, text in cells if tag == "td"] == [("nats", "2.08"), ("nats", "<4.16")]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


@given(heads=st.lists(WORDS, min_size=2, max_size=5, unique=True), value=WORDS)
def test_whatever_stands_in_a_cell_is_shown_as_it_is(heads, value):
    html = page._html([dict.fromkeys(heads, value)], "caption")
    assert [text for tag, _, text in Cells(html).found if tag == "td"] == [value] * (len(heads) - 1)


def test_only_wide_tables_are_stacked_on_a_phone(shown):
    for columns in (3, 4):
        page.table([{str(i): i for i in range(columns)}], "caption")
    assert ['class="book-table"' in data["text/html"] for data in shown] == [True, False]
    assert 'class="book-table wide"' in shown[1]["text/html"]


@pytest.mark.parametrize("rows", [[], [{"a": 1}, {"b": 1}], [{"a": 1}, {"a": 1, "b": 2}]])
def test_table_that_is_none_is_refused(rows, shown):
    with pytest.raises(ValueError, match="same columns"):
        page.table(rows, "caption")
    assert shown == []
