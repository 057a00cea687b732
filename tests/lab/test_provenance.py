"""A fingerprint changes with all that can change a result, and with nothing else."""

import importlib
import re
import shutil
import time
from types import SimpleNamespace

import pytest
import sample_studies

from toyclip.errors import InputError
from toyclip.lab import provenance
from toyclip.lab.provenance import fingerprint, fingerprint_source

FILES = {
    "__init__.py": '"""A package."""\n',
    "assets/__init__.py": "",
    "assets/names.csv": "sun,1\nmoon,2\n",
    "assets/other.csv": "1\n",
    "errors.py": 'class OwnError(ValueError):\n    """Doc."""\n',
    "base.py": '''"""Constants."""
import math
from dataclasses import dataclass

RATE = 0.5
UNUSED = 1
LIMITS = {"low": 1}
LIMITS |= {"high": 2}
FULL = (1, 2)

@dataclass
class Size:
    """Doc."""
    width: int = 3
    height: int = 4

def scale(x: float, factor: float = 2.0) -> float:
    """Doc."""
    return math.sqrt(x * factor * RATE)

def twice(f):
    return lambda *a: 2 * f(*a)

def limit(x):
    return min(LIMITS["high"], x)

def unused(x):
    return UNUSED + x
''',
    "mixin.py": "class Mixin:\n    def method(self):\n        return 7\n",
    "other.py": "FULL = (3, 4)\n",
    "study.py": '''"""The study."""
from pkg import base
from pkg.base import Size, scale as stretch
from pkg.errors import OwnError
from pkg.mixin import Mixin
from pkg.other import FULL

TURNS = 3
WAYS = {"there": stretch, "back": lambda x: -x, "limit": base.limit}
SAMPLE = Size()

class Model(Mixin):
    """Doc."""
    weight = 9

@base.twice
def even(n: int) -> bool:
    return n % 2 == 0

def helper(values, start=TURNS):
    """Doc."""
    total: float = start  # from here
    for value in values:
        total = total + WAYS["there"](value)
    return total if even(len(values)) else even_later(total)

def even_later(n):
    return helper([n, n]) if n < 0 else n

def run(seed: int) -> float:
    """Doc."""
    from pkg import assets
    if seed < 0:
        raise OwnError(f"seed {seed} is negative; give another")
    assert seed < 10, "too many"
    table = "pkg/assets/names.csv"
    return helper([seed, SAMPLE.width, *FULL, *base.FULL]) + Model().method() + len(table)
''',
}
RUN = SimpleNamespace(__module__="pkg.study", __qualname__="run")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes the files of a package `pkg`, some replaced, and answers the fingerprint of its study."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**changed: str | None) -> str:
        shutil.rmtree(tmp_path / "pkg", ignore_errors=True)
        for name, text in (FILES | changed).items():
            path = tmp_path / "pkg" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return fingerprint(RUN)

    return write


def edit(name: str, old: str, new: str) -> dict[str, str]:
    assert FILES[name].count(old) == 1, f"{old!r} is not in {name} once"
    return {name: FILES[name].replace(old, new)}


LATER = "def even_later(n):\n    return helper([n, n]) if n < 0 else n\n"
SAME = {
    "docstring": edit("study.py", '"""Doc."""\n    from', '"""Other."""\n    from'),
    "docstring gone": edit("base.py", '    """Doc."""\n    width', "    width"),
    "docstring of the module": edit("study.py", '"""The study."""', '"""Studies."""'),
    "comment": edit("study.py", "# from here", "# or there"),
    "layout": edit("study.py", "helper([seed, SAMPLE.width,", "helper([\n        seed,\n\n        SAMPLE.width,"),
    "quotes": edit("study.py", 'WAYS["there"]', "WAYS['there']"),
    "message": edit("study.py", "is negative; give another", "is below 0"),
    "message of an assert": edit("study.py", ', "too many"', ""),
    "cause of an error": edit("study.py", 'give another")', 'give another") from None'),
    "type of an argument": edit("study.py", "run(seed: int)", "run(seed: bool)"),
    "type of the result": edit("study.py", "-> bool", "-> int"),
    "type of a local": edit("study.py", "total: float = start", "total = start"),
    "type of a field": edit("base.py", "width: int", "width: float"),
    "type of a constant": edit("base.py", "RATE = 0.5", "RATE: float = 0.5"),
    "unused function": edit("base.py", "UNUSED + x", "UNUSED - x"),
    "unused constant": edit("base.py", "UNUSED = 1", "UNUSED = 2"),
    "unused file": {"assets/other.csv": "2\n"},
    "order of definitions": {"study.py": FILES["study.py"].replace(LATER, "") + LATER},
    "another name for an import": {"study.py": FILES["study.py"].replace("stretch", "grow")},
    "import in another style": {
        "study.py": re.sub(r"\b(?<!pkg\.)base\.", "pkg.base.", FILES["study.py"])
        .replace("from pkg import base", "import pkg.base")
    },
    "import of what is not ours": {
        "base.py": FILES["base.py"].replace("import math\n", "from math import sqrt\n").replace("math.sqrt", "sqrt")
    },
    "import inside": {
        "study.py": FILES["study.py"].replace("from pkg.mixin import Mixin\n", "").replace(
            "class Model", "from pkg.mixin import Mixin\nclass Model")
    },
    "import inside a function": edit("study.py", "    from pkg import assets\n", "    import math\n"),
    "function moved": {
        "study.py": FILES["study.py"].replace(LATER, "from pkg.far import even_later\n"),
        "far.py": "from pkg import study\n\n" + LATER.replace("helper", "study.helper"),
    },
    "constant moved": {
        "base.py": FILES["base.py"].replace("RATE = 0.5\n", "from pkg.far import RATE\n"), "far.py": "RATE = 0.5\n",
    },
    "file renamed": {
        "mixin.py": None, "mixed.py": FILES["mixin.py"],
        "study.py": FILES["study.py"].replace("pkg.mixin", "pkg.mixed"),
    },
    "asset moved": {"assets/names.csv": None, "tables/names.csv": FILES["assets/names.csv"]},
    "taken from where it passes through": {
        "study.py": FILES["study.py"].replace("from pkg.other import", "from pkg.far import"),
        "far.py": "from pkg.other import FULL\n",
    },
    "lazily given out": {
        "__init__.py": '_HOME = {"Mixin": "mixin"}\n\ndef __getattr__(name):\n    return 1\n',
        "study.py": FILES["study.py"].replace("from pkg.mixin import", "from pkg import"),
    },
}  # fmt: skip
OTHER = {
    "constant": edit("base.py", "RATE = 0.5", "RATE = 0.25"),
    "constant added to": edit("base.py", '{"high": 2}', '{"high": 3}'),
    "default": edit("base.py", "factor: float = 2.0", "factor: float = 2.5"),
    "default that is a constant": edit("study.py", "TURNS = 3", "TURNS = 4"),
    "operator": edit("study.py", "total = total + WAYS", "total = total - WAYS"),
    "lambda in a table": edit("study.py", "lambda x: -x", "lambda x: x"),
    "function in a table": edit("base.py", 'min(LIMITS["high"], x)', 'max(LIMITS["high"], x)'),
    "key of a table": edit("study.py", '"back"', '"forth"'),
    "decorator": edit("base.py", "2 * f(*a)", "3 * f(*a)"),
    "decorator gone": edit("study.py", "@base.twice\n", ""),
    "default of a field": edit("base.py", "width: int = 3", "width: int = 5"),
    "field that is none": edit("base.py", "height: int = 4", "height = 4"),
    "attribute of a class": edit("study.py", "weight = 9", "weight = 8"),
    "base class": edit("mixin.py", "return 7", "return 6"),
    "function of another package": edit("base.py", "math.sqrt", "math.exp"),
    "class of an error": edit("study.py", "raise OwnError(f", "raise KeyError(f"),
    "condition of an error": edit("study.py", "seed < 0", "seed < 1"),
    "in a circle": edit("study.py", "if n < 0 else n", "if n < 0 else -n"),
    "two of one name swapped": edit("study.py", "*FULL, *base.FULL", "*base.FULL, *FULL"),
    "one of two of one name": edit("other.py", "(3, 4)", "(3, 5)"),
    "asset": {"assets/names.csv": "moon,1\nsun,2\n"},
    "name of the asset": edit("study.py", "names.csv", "other.csv"),
    "what the imported name means": edit("study.py", "scale as stretch", "limit as stretch"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_changes_no_result_leaves_the_fingerprint(name, write):
    assert write(**SAME[name]) == write()


@pytest.mark.parametrize("name", OTHER)
def test_what_may_change_a_result_changes_the_fingerprint(name, write):
    assert write(**OTHER[name]) != write()


@pytest.mark.parametrize(("name", "answer"), [*zip(SAME, [True] * 99), *zip(OTHER, [False] * 99)])  # noqa: B905
def test_a_notebook_is_as_fresh_as_what_it_reaches(name, answer, write):
    write()
    code = "from pkg import study\nprint(study.run(1))"
    before = fingerprint_source(code, "pkg")
    write(**(SAME | OTHER)[name])
    assert (fingerprint_source(code, "pkg") == before) is answer


def test_a_notebook_counts_itself_but_for_layout_and_comments(write):
    write()
    before = fingerprint_source("import pkg.base as b\nprint(b.scale(1))", "pkg")
    assert fingerprint_source("import pkg.base as b  # ours\n\n\nprint( b.scale(1) )", "pkg") == before
    assert fingerprint_source("import pkg.base as b\nprint(b.scale(2))", "pkg") != before


def test_a_local_name_is_not_the_module_level_one(write):
    source = "UNUSED = {}\n\ndef run(UNUSED):\n    return [x for x in UNUSED]\n\nx = {}\n"
    assert write(**{"study.py": source.format(1, 2)}) == write(**{"study.py": source.format(3, 4)})
    source = "data = {}\n\ndef run(seed):\n    return [data for data in data]\n"  # the right one is the module's
    assert write(**{"study.py": source.format(1)}) != write(**{"study.py": source.format(2)})


def test_a_module_handed_on_as_a_whole_counts_as_a_whole(write):
    source = {"study.py": "from pkg import base\n\ndef run(seed):\n    return vars(base)\n"}
    assert write(**source) != write(**source, **edit("base.py", "UNUSED = 1", "UNUSED = 2"))


def test_two_digits_a_byte_and_sixteen_of_them(write):
    assert len(write()) == 16
    assert int(write(), 16)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("from pkg.base import *\ndef run(s): return scale(s)", "cannot follow 'from pkg.base import *'"),
        ("from . import base\ndef run(s): return base.scale(s)", "cannot follow 'from . import base'"),
        ("from pkg.base import gone\ndef run(s): return gone(s)", "'gone' is in module 'pkg.base'"),
        ("def other(s): return s", "'run' is in module 'pkg.study'"),
    ],
)
def test_what_cannot_be_followed_is_refused(source, message, write):
    with pytest.raises(InputError) as caught:
        write(**{"study.py": source})
    assert message in str(caught.value)


def test_function_that_is_at_the_top_of_no_module_is_refused():
    for function in (lambda seed: seed, print, sample_studies.Study.with_seeds):
        with pytest.raises(InputError, match="has no fingerprint; give a function"):
            fingerprint(function)


def test_function_of_a_test_module_has_a_fingerprint_of_its_own():
    assert fingerprint(sample_studies.plain) != fingerprint(sample_studies.slow)


def test_the_whole_package_is_read_in_seconds():
    start = time.perf_counter()
    for path in sorted(provenance.PACKAGE.glob("*.py")):
        name = f"{provenance.PACKAGE.name}.{path.stem}"
        fingerprint_source(f"import {name} as module\nmodule")
    assert time.perf_counter() - start < 10


def test_emoji_table_and_sheet_are_in_the_fingerprint_of_what_draws_emoji():
    code = provenance._code("toyclip")
    _, _, strings = code.meaning(("toyclip.pictures", "emoji"))
    assert {"emoji.csv", "emoji.png"} <= strings & code.data.keys()
    assert "shapes.safetensors" in code.data
