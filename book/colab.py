"""The first cell of each chapter: on Colab it installs the package, elsewhere it does nothing."""

from _ext.repository import address
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

NAME = "colab"  # of the cell, by which it is found again
CODE = """\
# On Google Colab this installs the package; elsewhere it does nothing.
import sys

BOOK = "{address}"  # the address of the book's repository
if "google.colab" in sys.modules:
    if not BOOK:
        raise SystemExit("write the repository's address into BOOK, above")
    %pip install --quiet git+{{BOOK}}"""


def put_first(notebook: NotebookNode) -> None:
    """Put the cell under the chapter's title, with the address that the site's buttons have, and no second one."""
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != NAME]
    cell = new_code_cell(CODE.format(address=address()), id=NAME, metadata={"tags": ["remove-cell"]})
    notebook.cells.insert(1, cell)
