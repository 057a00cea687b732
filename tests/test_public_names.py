"""What `from toyclip import ...` gives: the objects of the modules, looked up when they are first used."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import toyclip

PACKAGE = Path(toyclip.__file__).parent
NAMES = [name for name in toyclip.__all__ if name != "__version__"]
TABLES = {"CAPTIONS": "data", "RECIPES": "recipes"}  # unlike a class and a function, a table does not know its module


def in_a_fresh_process(code: str) -> object:
    """What the code prints, as JSON, where nothing has been imported before."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_names_are_few_and_each_there_once():
    assert 12 <= len(NAMES) <= 18
    assert len(NAMES) == len(set(NAMES))
    assert set(toyclip.__all__) <= set(dir(toyclip))


def test_importing_toyclip_imports_nothing_heavy():
    code = "import sys, json, toyclip; dir(toyclip); print(json.dumps(sorted(sys.modules)))"
    modules = in_a_fresh_process(code)
    assert [name for name in modules if name.startswith("toyclip")] == ["toyclip"]
    assert not {"torch", "numpy", "PIL", "scipy"} & set(modules)


def test_star_import_binds_every_name_to_the_object_that_its_module_defines():
    """In a fresh process, before and after all modules have been imported: a module must not take a name's place."""
    code = """
import importlib, json, pkgutil, sys
from toyclip import *
import toyclip
before = {name: id(globals()[name]) for name in toyclip.__all__}
for module in pkgutil.iter_modules(toyclip.__path__, "toyclip."):
    if module.name not in ("toyclip.__main__", "toyclip.cli"):
        importlib.import_module(module.name)
from toyclip import *
after = {name: id(globals()[name]) for name in toyclip.__all__}
where = {name: getattr(globals()[name], "__module__", None) for name in toyclip.__all__}
owned = {
    name: where[name] is None or vars(sys.modules[where[name]])[name] is globals()[name] for name in toyclip.__all__
}
print(json.dumps([before == after, where, owned]))
"""
    same, where, owned = in_a_fresh_process(code)
    assert same
    assert all(owned.values())
    assert [name for name in NAMES if where[name] is None] == list(TABLES)
    assert {name: where[name] for name in NAMES if name not in TABLES} == {
        name: f"toyclip.{home}" for name, home in toyclip._HOME.items() if name not in TABLES
    }


@pytest.mark.parametrize("name", TABLES)
def test_table_is_that_of_its_module(name):
    assert getattr(toyclip, name) is getattr(importlib.import_module(f"toyclip.{TABLES[name]}"), name)


def test_no_public_name_is_also_a_module_or_a_folder():
    assert [name for name in NAMES if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists()] == []


def test_unknown_name_is_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="'toyclip' has no attribute 'dream'"):
        _ = toyclip.dream
    with pytest.raises(ImportError, match="cannot import name 'dream' from 'toyclip'"):
        from toyclip import dream  # noqa: F401
