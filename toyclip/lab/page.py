"""What a chapter shows beside its figures: tables (helper, no chapter)."""

from collections.abc import Iterable, Mapping
from html import escape

from IPython.display import display


def table(rows: Iterable[Mapping[str, object]], caption: str) -> None:
    """Display a table with a caption; the first column names the rows.

    On a narrow screen the page's style sheet stacks the cells of a row, each under the name of its column.

    Args:
        rows: each maps the names of the columns, the same for all, to what stands there.

    Raises:
        ValueError: if there is no row, or the rows have different columns.
    """
    rows = [{str(name): str(value) for name, value in row.items()} for row in rows]
    if not rows or any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError("a table needs at least one row, and the same columns in every row")
    display({"text/html": _html(rows, caption), "text/plain": _plain(rows, caption)}, raw=True)


def _html(rows: list[dict[str, str]], caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    width = " wide" if len(rows[0]) > 3 else ""
    lines = [
        f'<table class="book-table{width}">',
        f"<caption>{escape(caption)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
    ]
    lines.append("<tbody>")
    for (lead, first), *others in (row.items() for row in rows):
        cells = "".join(f'<td data-label="{escape(name)}">{escape(value)}</td>' for name, value in others)
        lines.append(f'<tr><th scope="row" data-label="{escape(lead)}">{escape(first)}</th>{cells}</tr>')
    return "\n".join([*lines, "</tbody>", "</table>"])


def _plain(rows: list[dict[str, str]], caption: str) -> str:
    """The table as text, for a terminal.

    >>> print(_plain([{"batch": "8", "nats": "2.08"}, {"batch": "64", "nats": "4.16"}], "Knowing nothing"))
    Knowing nothing
    batch  nats
    8      2.08
    64     4.16
    """
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join([caption, *("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)])
