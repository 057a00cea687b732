"""The planted faults fit the package as it stands; `make faults` sees whether the tests catch them."""

import ast
from importlib import import_module
from pathlib import Path

import plant_faults
import pytest
from fault_list import FAULTS, Fault
from mutants import mutants, slips


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_fault_replaces_something_that_is_there(fault):
    owner = import_module(f"toyclip.{fault.module}")
    for part in fault.name.split("."):
        owner = getattr(owner, part)
    assert fault.make(owner) is not owner


def test_planting_puts_the_replacement_in_its_place(monkeypatch):
    module = import_module("toyclip.infonce")
    monkeypatch.setattr(module, "same", module.same)  # puts the right one back afterwards
    Fault("infonce", "same", lambda right: "wrong").plant()
    assert module.same == "wrong"


def test_no_two_faults_are_the_same():
    assert len({fault.title for fault in FAULTS}) == len(FAULTS)


def test_faults_that_the_book_promises_are_there():
    promised = ["direction", "not normalised", "twice", "shifted by one", "held out", "colours swapped", "padding",
                "temperature", "training pictures", "prompts ignored", "seed", "argmin", "hash", "stale"]  # fmt: skip
    for words in promised:
        assert any(words in fault.title for fault in FAULTS), words


def test_what_faults_are_looked_for_with_needs_no_book_and_no_fixture_of_conftest():
    """A copy of the tree has neither; a test that asks for them would fail there without any fault."""
    root = Path(__file__).parents[2]
    of_the_book = {path.stem for path in (root / "book").rglob("*.py")} | {"browser", "built", "audit"}
    for path in (path for part in plant_faults.tests_for(root, "infonce", only_core=False) for path in part):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        asked = {arg.arg for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for arg in node.args.args}
        assert not (imported | asked) & of_the_book, path.name


SOURCE = '''"""Twice 2."""

def f(x: int = 1, *, y=2.0) -> int:
    """Adds 3."""
    if not x:
        raise ValueError(f"4 {x + 5}")
    g(x, z=6)
    return x.argmax() + y if x < 7 else x[:8]
'''


def test_slips_are_made_in_code_and_nowhere_else():
    found = list(mutants("m", SOURCE))
    said = {mutant.what for mutant in found}
    assert {"x < 7 -> x <= 7", "1 -> 2", "2.0 -> 3.0", "g(x, z=6) -> nothing", "g(x, z=6) -> g(x)", ":8 -> 8:"} <= said
    assert {"x.argmax() -> x.argmin()", "x.argmax() + y -> x.argmax() - y"} <= said
    assert not any(number in what for what in said for number in ("3 ->", "4", "5"))
    assert slips(SOURCE) == len(found)
    sources = {mutant.source for mutant in found}
    assert len(sources) == len(found)
    assert all(ast.dump(ast.parse(source)) != ast.dump(ast.parse(SOURCE)) for source in sources)


def test_the_same_slips_are_chosen_every_time():
    assert [m.title for m in plant_faults.sample(20)] == [m.title for m in plant_faults.sample(20)]
    assert len({m.module for m in plant_faults.sample(60)}) > 8


def test_survivor_and_broken_suite_are_told(monkeypatch, capsys):
    """With tests that notice nothing the fault survives; with tests that always fail nothing is tried."""
    monkeypatch.setattr(plant_faults, "run_tests", lambda *given, **named: (True, ""))
    assert plant_faults.main(["one direction"]) == 1
    assert "survived: one direction" in capsys.readouterr().out
    monkeypatch.setattr(
        plant_faults, "run_tests", lambda root, module, fault=None, only_core=False: (False, "test_data.py::test_a")
    )
    assert plant_faults.main(["one direction"]) == 1
    assert "test_a fails already" in capsys.readouterr().out
