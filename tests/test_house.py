"""The rules of the house: one source for versions, the import graph is the reading order, modules stay small and pure.

The rules about modules are functions from source text to complaints, tested on small pieces that break them.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from toyclip.lab import provenance

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LONGEST = 220  # lines of a module

ORDER = (  # up to zero_shot each module is a chapter; some of those after it are, too
    "data", "encoders", "infonce", "zero_shot", "train", "study", "frequency", "interventions", "tagger", "models",
    "grid", "composition", "priming", "plan", "readings", "speedrun", "ablations", "batches", "scale",
)  # fmt: skip
HELPERS = {  # helper -> what it may import; None: anything
    "errors": set(),
    "provenance": set(),
    "checks": {"errors"},
    "wrong_losses": {"infonce", "errors"},
    "loss_checks": set(),
    "pictures": {"data", "errors"},
    "concepts": {"data", "pictures", "errors"},
    "muon": {"errors"},
    "rungs": {"encoders", "infonce", "train", "errors"},
    "geometry": {"data", "encoders", "errors"},
    "checkpoint": {"data", "encoders", "errors"},
    "trend": {"errors"},
    "resume": {"checkpoint", "provenance", "errors"},
    "terminal": {"errors"},
    "figures": None,
    "assets": None,
    "cli": None,
    "__main__": None,
    "__init__": set(),
}
LAST = {"figures", "assets", "cli", "__main__"}  # only these import one another

SEEDED = {"default_rng", "Generator", "SeedSequence", "PCG64"}  # of numpy.random
DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "rand_like", "randn_like"}
FORBIDDEN = {"pickle", "random", "shelve", "marshal", "joblib"}  # hidden state, or files that can run code


def requirements(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, with these extras."""
    optional = [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return [Requirement(line) for line in [*PROJECT["dependencies"], *optional]]


def pins() -> list[Requirement]:
    """The lines of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


# --- versions --------------------------------------------------------------------------------------------------------


def test_every_pin_is_exact_and_there_once():
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert len(names) == len(set(names))
    for pin in pins():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), f"{pin} is not one exact public version"


@pytest.mark.parametrize("requirement", requirements("book", "test", "emoji"), ids=lambda r: r.name)
def test_every_requirement_has_a_pin_that_fits(requirement):
    versions = [next(iter(pin.specifier)).version for pin in pins() if same(pin.name, requirement.name)]
    assert len(versions) == 1
    assert requirement.specifier.contains(versions[0], prereleases=True), f"{versions[0]} does not fit {requirement}"


def same(name: str, other: str) -> bool:
    return canonicalize_name(name) == canonicalize_name(other)


def test_jupyter_book_stays_below_2_and_torch_is_the_one_we_measured():
    book = next(r for r in requirements("book") if r.name == "jupyter-book")
    assert not book.specifier.contains("2.0.0")
    assert "torch==2.13.0" in map(str, pins())


def test_every_requirement_says_what_it_is_for():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for requirement in requirements("book", "test", "emoji"):
        assert re.search(rf'"{re.escape(requirement.name)}[^"]*",\s+# \S', text), f"no reason given for {requirement}"


def test_environment_file_installs_the_same():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    python = next(d.partition("=")[2] for d in dependencies if isinstance(d, str) and d.startswith("python"))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    pip = next(d["pip"] for d in dependencies if isinstance(d, dict))
    assert pip == ["-c constraints.txt", "-e .[book,test]"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-c constraints.txt -e '.[book,test]'" in makefile


# --- chapters --------------------------------------------------------------------------------------------------------


def numbered_chapters() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [Path(c["file"]).name for part in toc["parts"] if part.get("numbered") for c in part["chapters"]]


def module_of(chapter: str) -> str:
    """06_speedrun -> speedrun."""
    return chapter.split("_", 1)[1]


@pytest.mark.parametrize("chapter", numbered_chapters())
def test_chapter_has_its_module_and_its_test(chapter):
    name = module_of(chapter)
    assert name in ORDER
    assert (ROOT / "book" / f"{chapter}.ipynb").exists()
    assert (ROOT / "toyclip" / f"{name}.py").exists()
    assert (ROOT / "tests" / f"test_{name}.py").exists()


def test_chapters_are_numbered_from_1_and_their_modules_in_the_reading_order():
    numbers = [int(chapter.split("_", 1)[0]) for chapter in numbered_chapters()]
    assert numbers == list(range(1, len(numbers) + 1))
    places = [ORDER.index(module_of(chapter)) for chapter in numbered_chapters()]
    assert places == sorted(set(places))
    assert places[:4] == [0, 1, 2, 3]  # no module between the first four chapters that belongs to none


# --- modules ---------------------------------------------------------------------------------------------------------


def out_of_order(name: str, source: str) -> list[str]:
    """Imports that go against the reading order."""
    part = name.split(".")[0]
    imported = {module.split(".")[0] for module in provenance.imported_modules(source)} - {part}
    relative = [f"{name} has a relative import" for n in ast.walk(ast.parse(source)) if getattr(n, "level", 0)]
    if part in ORDER:
        allowed = {*ORDER[: ORDER.index(part)], "errors"}
        if part in ORDER[4:]:  # training, studies and later chapters may also use what serves the chapters
            allowed |= HELPERS.keys() - LAST
    elif part in HELPERS:
        allowed = imported if HELPERS[part] is None else HELPERS[part]
    else:
        return [f"{name} has no place in the reading order yet; give it one in {Path(__file__).name}"]
    return relative + [f"{name} imports {module}" for module in sorted(imported - allowed)]


def global_randomness(source: str) -> list[str]:
    """Random numbers that do not come from a generator handed in, and imports that hide state or run code.

    One place is allowed to seed torch: `with torch.random.fork_rng(...)`, which leaves the global generator as it was.
    torch initialises weights from it, so the `__init__` of a module may draw without naming a generator.
    """
    tree = ast.parse(source)
    complaints, sheltered = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any("torch.random.fork_rng(" in ast.unparse(i) for i in node.items):
            sheltered |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            sheltered |= {id(n) for n in ast.walk(node) if isinstance(n, ast.Call) and called(n) != "torch.manual_seed"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            complaints += [f"imports {name}" for name in names if name.split(".")[0] in FORBIDDEN]
            complaints += [f"imports from {name}" for name in names if name in ("numpy.random", "torch.random")]
        elif isinstance(node, ast.Call):
            owner, _, method = called(node).rpartition(".")
            if owner in ("np.random", "numpy.random"):
                wrong = method not in SEEDED or (method == "default_rng" and not node.args)
            elif owner in ("torch", "torch.random", "torch.cuda") and method in ("manual_seed", "seed"):
                wrong = id(node) not in sheltered
            elif owner == "torch" and method in DRAWS:
                wrong = id(node) not in sheltered and "generator" not in {k.arg for k in node.keywords}
            else:
                wrong = owner == "torch" and method in ("save", "load")
            if wrong:
                complaints.append(f"line {node.lineno}: {called(node)}")
    return complaints


def called(node: ast.Call) -> str:
    """The dotted name of what is called."""
    return ast.unparse(node.func)


def undocumented(source: str) -> list[str]:
    """Public functions, classes and methods without a docstring or with arguments or results of unknown type."""
    tree = ast.parse(source)
    complaints = [] if ast.get_docstring(tree) or not source.strip() else ["the module has no docstring"]
    for owner in [tree, *(n for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_"))]:
        for node in owner.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            public = not node.name.startswith("_") and node.name != "main"  # a script's main is what its module says
            is_property = any("property" in ast.unparse(d) for d in node.decorator_list)
            if public and not is_property and not ast.get_docstring(node):
                complaints.append(f"{node.name} has no docstring")
            if isinstance(node, ast.FunctionDef) and (public or node.name == "__init__"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
                if bare or (public and node.returns is None):
                    complaints.append(f"{node.name} lacks the type of {bare or 'its result'}")
    return complaints


MODULES = sorted((ROOT / "toyclip").rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "toyclip").with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module(path):
    source = path.read_text(encoding="utf-8")
    assert out_of_order(module_name(path), source) == []
    assert global_randomness(source) == []
    assert undocumented(source) == []
    assert len(source.splitlines()) <= LONGEST


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("data", "from toyclip.encoders import ToyCLIP"),
        ("data", "from toyclip import encoders"),
        ("encoders", "import toyclip.infonce"),
        ("zero_shot", "from toyclip.figures.style import show"),
        ("infonce", "def f():\n    from toyclip import train"),
        ("train", "from toyclip.figures import style"),
        ("train", "from toyclip.studies.zero_shot.captions import world"),
        ("zero_shot", "from toyclip.muon import Muon"),
        ("muon", "from toyclip.train import fit"),
        ("concepts", "from toyclip.encoders import ToyCLIP"),
        ("errors", "from toyclip import data"),
        ("infonce", "from . import data"),
        ("surprise", "import math"),
    ],
)
def test_import_against_the_order_is_noticed(name, source):
    assert out_of_order(name, source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("train", "from toyclip.muon import Muon"),
        ("scale", "from toyclip import batches, concepts, errors"),
        ("zero_shot", "from toyclip.infonce import info_nce\nfrom toyclip.errors import InputError"),
        ("figures.style", "from toyclip import scale"),
    ],
)
def test_import_along_the_order_is_allowed(name, source):
    assert out_of_order(name, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from pickle import loads",
        "from numpy.random import rand",
        "np.random.seed(0)",
        "np.random.rand(3)",
        "np.random.default_rng()",
        "torch.manual_seed(0)",
        "def __init__(self):\n    torch.manual_seed(0)",
        "torch.randperm(5)",
        "torch.save(model, 'm.pt')",
        "torch.load('m.pt')",
    ],
)
def test_global_randomness_is_noticed(source):
    assert global_randomness(source)


def test_seeded_randomness_is_allowed():
    source = "with torch.random.fork_rng(devices=[]):\n    torch.manual_seed(0)\n    torch.randn(3)"
    assert global_randomness(source) == []
    assert global_randomness("np.random.default_rng(0)\ntorch.randperm(5, generator=g)") == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        '"""Doc."""\ndef f(x: int) -> int:\n    return x',
        '"""Doc."""\ndef f(x) -> int:\n    """Doc."""',
        '"""Doc."""\ndef f(x: int):\n    """Doc."""',
        '"""Doc."""\nclass A:\n    pass',
        '"""Doc."""\nclass A:\n    """Doc."""\n    def f(self) -> None:\n        pass',
    ],
)
def test_missing_documentation_is_noticed(source):
    assert undocumented(source)


def test_what_is_private_needs_no_documentation():
    source = '"""Doc."""\ndef _f(x):\n    return x\nclass _A:\n    def f(self, x):\n        return x'
    assert undocumented(source) == []
