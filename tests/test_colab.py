"""Each chapter begins with the cell that installs the package on Colab and does nothing elsewhere."""

import re
import sys
from unittest.mock import Mock

import colab
import execute
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HOME = "https://github.com/someone/book"


@pytest.fixture
def shell() -> Mock:
    """What runs magics where the cell is run."""
    return Mock()


def run(shell: Mock, address: str) -> None:
    """As a kernel does, which turns magics into calls."""
    source = TransformerManager().transform_cell(colab.CODE.format(address=address))
    exec(compile(source, "cell", "exec"), {"get_ipython": lambda: shell})


def test_elsewhere_nothing_happens(shell):
    assert "google.colab" not in sys.modules
    run(shell, HOME)
    run(shell, "")
    assert shell.mock_calls == []


def test_on_colab_the_package_comes_from_the_books_address(shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", Mock())
    run(shell, HOME)
    shell.run_line_magic.assert_called_once_with("pip", f"install --quiet git+{HOME}")


def test_on_colab_a_reader_is_told_if_the_address_is_not_known(shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", Mock())
    with pytest.raises(SystemExit, match="write the repository's address into BOOK, above"):
        run(shell, "")
    assert shell.mock_calls == []


def test_cell_comes_under_the_title_once_with_the_address_of_the_buttons(monkeypatch):
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("1")])
    for address in (HOME, ""):
        monkeypatch.setattr(colab, "address", lambda address=address: address)
        colab.put_first(notebook)
        assert [cell.source for cell in notebook.cells] == ["# Title", colab.CODE.format(address=address), "1"]
        assert execute.tags(notebook.cells[1]) == {"remove-cell"}
        nbformat.validate(notebook)


@pytest.mark.parametrize("path", execute.chapters(), ids=lambda path: path.stem)
def test_chapter_has_it(path):
    title, first, *others = nbformat.read(path, as_version=4).cells
    pattern = re.escape(colab.CODE.format(address="ADDRESS")).replace("ADDRESS", r"[^\s\"]*")
    assert title.cell_type == "markdown"
    assert re.fullmatch(pattern, first.source), "run `make notebooks`"
    assert all(cell.id != colab.NAME for cell in others)
