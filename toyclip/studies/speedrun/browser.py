"""What a training in the page of a browser took, as `make page-times` measured it (index of the book)."""

import json
from importlib.resources import files


def in_a_browser() -> dict:
    """The stored times: seconds are medians over seeds, of a training that a reader would start, drawing included.

    The page's JavaScript is not part of the package; `tests/live/test_page_times.py` tells when it has changed since.

    >>> sorted(in_a_browser())[:3]
    ['accuracy', 'browser', 'claims']
    """
    return json.loads((files("toyclip.pretrained") / "page.json").read_text(encoding="utf-8"))
