"""A verdict takes its sentence from the table and its word from the measured parts, and is read back as printed."""

import nbformat
import numpy as np
import pytest

from toyclip.errors import InputError
from toyclip.lab.claims import VERDICTS, Claim, Verdict, claims, outcome, read_verdicts, verdict

ROWS = 'id,source,sentence\nS4,mohapatra2026,the loss stays at 1.5\nF12,sun2025,"rare, and hard"\n'


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "claims.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_claims_are_read_in_their_order(table):
    assert list(claims(table).values()) == [
        Claim("S4", "mohapatra2026", "the loss stays at 1.5"),
        Claim("F12", "sun2025", "rare, and hard"),
    ]


def test_table_is_found_beside_the_chapters(table, monkeypatch):
    monkeypatch.chdir(table.parent)
    assert claims().keys() == {"S4", "F12"}


@pytest.mark.parametrize(
    "text", ["", "id,sentence\nS1,so\n", ROWS + "S5,me\n", ROWS + "S5,me,\n", ROWS + "S4,me,twice\n"]
)
def test_table_that_is_not_whole_is_refused(table, text):
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="claims"):
        claims(table)


def test_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="no table of claims"):
        claims(tmp_path / "claims.csv")


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"a": True}, "holds"),
        ({"a": np.True_, "b": True}, "holds"),
        ({"a": True, "b": np.False_}, "holds in part"),
        ({"a": False, "b": False, "c": True}, "holds in part"),
        ({"a": False}, "wrong"),
        ({}, "not here"),
    ],
)
def test_outcome_follows_from_the_parts(parts, word, table, capsys):
    assert outcome(parts) == word
    assert word in VERDICTS
    verdict("F12", parts, "8 seeds", table)
    assert capsys.readouterr().out == f"F12: rare, and hard\nVerdict: {word}. 8 seeds\n"


@pytest.mark.parametrize("part", [1, 0.97, "yes", None, np.array([True])])
def test_part_that_is_neither_true_nor_false_is_refused(part, table, capsys):
    with pytest.raises(TypeError, match="true or false"):
        verdict("S4", {"fine": True, "not": part}, "one seed", table)
    assert capsys.readouterr().out == ""


def test_claim_that_is_not_in_the_table_is_refused(table, capsys):
    with pytest.raises(InputError, match="no claim 'S5'; choose one of S4, F12"):
        verdict("S5", {"a": True}, "one seed", table)
    assert capsys.readouterr().out == ""


def test_verdicts_are_read_back_as_they_were_printed(table, capsys):
    verdict("S4", {"a": False}, "10 of 10 seeds", table)
    verdict("F12", {"a": False, "b": True}, "8 seeds. Twice.", table)
    print("X1: no claim\nVerdict: holds. Nothing.")
    output = nbformat.v4.new_output("stream", name="stdout", text=capsys.readouterr().out)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("verdict()", outputs=[output])])
    nbformat.write(notebook, table.parent / "chapter.ipynb")
    assert read_verdicts(table.parent / "chapter.ipynb") == [
        Verdict("S4", "the loss stays at 1.5", "wrong", "10 of 10 seeds"),
        Verdict("F12", "rare, and hard", "holds in part", "8 seeds. Twice."),
    ]
