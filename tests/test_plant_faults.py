"""The planted faults fit the package as it stands; `make faults` sees whether the tests catch them."""

import ast

import plant_faults
import pytest
from plant_faults import FAULTS, ROOT, TESTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_can_be_planted_and_changes_the_code(fault, tmp_path):
    source = (ROOT / fault.file).read_text(encoding="utf-8")
    (tmp_path / "toyclip").mkdir()
    (tmp_path / fault.file).write_text(source, encoding="utf-8")
    fault.plant(tmp_path)
    planted = (tmp_path / fault.file).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("old", ["import", "nowhere to be found"])
def test_snippet_that_is_not_there_once_is_refused(old, tmp_path):
    (tmp_path / "toyclip").mkdir()
    (tmp_path / "toyclip" / "data.py").write_text("import os\nimport sys\n")
    with pytest.raises(ValueError, match="expected once"):
        Fault("any", "data", old, "").plant(tmp_path)


def test_no_two_faults_are_the_same():
    assert len({fault.name for fault in FAULTS}) == len({(f.module, f.old, f.new) for f in FAULTS}) == len(FAULTS)


def test_faults_that_the_book_promises_are_there():
    promised = ["direction", "not normalised", "twice", "shifted by one", "held-out", "colours swapped", "padding",
                "temperature", "template", "no variation", "seed", "argmin"]  # fmt: skip
    for words in promised:
        assert any(words in fault.name for fault in FAULTS), words


def test_every_unit_test_of_the_package_takes_part():
    left_out = {"house", "notebooks", "plant_faults", "chapter_cost"}
    there = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert set(TESTS) == there - left_out


def test_survivor_and_broken_suite_are_told(monkeypatch, capsys):
    """With tests that notice nothing the fault survives; with tests that always fail nothing is tried."""
    monkeypatch.setattr(plant_faults, "run_tests", lambda root, first="": (True, ""))
    assert plant_faults.main([FAULTS[0].name]) == 1
    assert "SURVIVED" in capsys.readouterr().out
    monkeypatch.setattr(plant_faults, "run_tests", lambda root, first="": (False, "test_data.py::test_a"))
    assert plant_faults.main([FAULTS[0].name]) == 1
    assert "test_a fails already" in capsys.readouterr().out
