"""Each chapter begins with the cell that installs the package on Colab and does nothing elsewhere."""

import re
import sys
from unittest.mock import Mock

import colab
import execute
import nbformat
import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

HOME = "https://github.com/someone/book"


@pytest.fixture
def run():
    """Runs the cell with an address, in a kernel's shell whose pip only notes what it is asked: (result, asked)."""

    def run(address: str) -> tuple[ExecutionResult, list[str]]:
        asked = []
        shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
        shell.register_magic_function(asked.append, magic_name="pip")
        return shell.run_cell(colab.CODE.format(address=address)), asked

    return run


@pytest.mark.parametrize("address", [HOME, ""])
def test_elsewhere_nothing_happens(run, address, capsys):
    assert "google.colab" not in sys.modules
    result, asked = run(address)
    assert (result.success, result.result, asked) == (True, None, [])
    assert capsys.readouterr() == ("", "")


def test_on_colab_the_package_comes_from_the_books_address(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", Mock())
    result, asked = run(HOME)
    assert result.success
    assert asked == [f"install --quiet git+{HOME}"]


def test_on_colab_a_reader_is_told_if_the_address_is_not_known(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", Mock())
    result, asked = run("")
    assert str(result.error_in_exec) == "write the repository's address into BOOK, above"
    assert asked == []


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
