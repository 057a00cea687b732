"""Visible checks compare as Python does, raise when missed, and print nothing that depends on the machine."""

import operator

import pytest

from toyclip.lab.checks import CheckError, check

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
