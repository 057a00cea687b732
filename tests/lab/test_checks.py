"""Visible checks compare as Python does, raise when missed, and print nothing that depends on the machine."""

import operator

import nbformat
import pytest

from toyclip.lab.checks import VERDICTS, CheckError, Verdict, check, read_verdicts, verdict

OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


@pytest.mark.parametrize("measured", [-1.0, 0.949, 0.95, 0.951, 2, float("inf")])
@pytest.mark.parametrize("comparison", OPERATORS)
def test_check_agrees_with_python(comparison, measured, capsys):
    bound = f"{comparison} 0.95"
    if OPERATORS[comparison](measured, 0.95):
        check("accuracy", measured, bound)
        assert capsys.readouterr().out == f"passed: accuracy {bound}\n"
    else:
        with pytest.raises(CheckError, match="which is not"):
            check("accuracy", measured, bound)
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize("comparison", OPERATORS)
def test_nan_passes_no_check(comparison):
    with pytest.raises(CheckError, match="nan"):
        check("loss", float("nan"), f"{comparison} 1.5")


@pytest.mark.parametrize("bound", ["0.95", ">=0.95", ">= much", "around 1"])
def test_bound_that_makes_no_sense_does_not_pass(bound, capsys):
    with pytest.raises((ValueError, KeyError)):
        check("accuracy", 1.0, bound)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("outcome", VERDICTS)
def test_verdict_is_two_lines(outcome, capsys):
    verdict("S4", "the loss stays at 1.5", outcome, "10 of 10 seeds")
    assert capsys.readouterr().out == f"S4: the loss stays at 1.5\nVerdict: {outcome}. 10 of 10 seeds\n"


def test_verdict_that_nobody_agreed_on_is_refused(capsys):
    with pytest.raises(ValueError, match="holds in part"):
        verdict("S4", "the loss stays at 1.5", "probably", "one seed")
    assert capsys.readouterr().out == ""


def test_verdicts_are_read_back_as_they_were_printed(tmp_path, capsys):
    verdict("S4", "the loss stays at 1.5", "wrong", "10 of 10 seeds")
    verdict("F12", "rare things are hard", "holds in part", "8 seeds. Twice.")
    print("X1: no claim\nVerdict: holds. Nothing.")
    output = nbformat.v4.new_output("stream", name="stdout", text=capsys.readouterr().out)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("verdict()", outputs=[output])])
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    assert read_verdicts(tmp_path / "chapter.ipynb") == [
        Verdict("S4", "the loss stays at 1.5", "wrong", "10 of 10 seeds"),
        Verdict("F12", "rare things are hard", "holds in part", "8 seeds. Twice."),
    ]
