"""The rules of the house: one source for versions, imports in one direction, modules that stay small and pure.

The rules about modules are functions from source text to complaints, tested on small pieces that break them.
"""

import ast
import doctest
import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import toyclip

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "toyclip"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = tuple(PROJECT["optional-dependencies"])
LONGEST = 220  # lines of a module

TOOLS = ("errors", "files")  # know nothing of CLIP
CORE = (  # in the order in which they are read: each imports only what stands before it
    *TOOLS, "streams", "pairs", "outlines", "data", "pictures", "vit", "encoders", "infonce", "loss_floor", "zero_shot",
    "metrics", "muon", "recipes", "train", "checkpoint", "binding", "chunked", "trend", "loss_checks",
)  # fmt: skip
WINGS = ("own", "large")  # tools for a CLIP of one's own; training in many processes, from shards
STUDIES = (
    "infonce",
    "zero_shot",
    "frequency",
    "composition",
    "generation",
    "cascade",
    "taxonomy",
    "real_encoders",
    "speedrun",
    "batch",
    "scale",
    "language",
    "conclusion",
)  # folders, in reading order
FREE = ("cli", "commands", "__main__", "assets")  # import what they like

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


@pytest.mark.parametrize("requirement", requirements(*EXTRAS), ids=lambda r: r.name)
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
    for requirement in requirements(*EXTRAS):
        assert re.search(rf'"{re.escape(requirement.name)}[^"]*",\s+# \S', text), f"no reason given for {requirement}"


def test_environment_file_and_makefile_install_the_same():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    python = next(d.partition("=")[2] for d in dependencies if isinstance(d, str) and d.startswith("python"))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    constraints, package = next(d["pip"] for d in dependencies if isinstance(d, dict))
    assert (constraints, package[:4]) == ("-c constraints.txt", "-e .")
    extras = package[4:].strip("[]").split(",")
    assert {"book", "test"} <= set(extras) <= set(EXTRAS)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "CONSTRAINTS ?= constraints.txt\n" in makefile
    assert f"-c $(CONSTRAINTS) -e '{package[3:]}'" in makefile


def test_version_stands_in_one_place():
    assert "version" in PROJECT["dynamic"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"] == {"version": {"attr": "toyclip.__version__"}}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == toyclip.__version__


# --- chapters --------------------------------------------------------------------------------------------------------


def pages(*, numbered: bool) -> list[str]:
    """The names of the pages that _toc.yml lists, in its order; those with a number, or all."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in toc["parts"] if part.get("numbered") or not numbered]
    return [Path(chapter["file"]).name for part in parts for chapter in part["chapters"]]


def test_order_and_numbers_of_chapters_come_from_the_table_of_contents_alone():
    names = [*pages(numbered=False), *(path.stem for path in (ROOT / "book").glob("*.ipynb"))]
    assert [name for name in names if re.search(r"\d", name)] == []


SHARED = {  # chapters whose study has another name, since two rest on it
    "lots": "frequency",
    "variety": "frequency",
    "reweighting": "language",
    "context": "language",
}


@pytest.mark.parametrize("chapter", pages(numbered=True))
def test_chapter_has_its_module_or_study_and_its_tests(chapter):
    assert (ROOT / "book" / f"{chapter}.ipynb").exists()
    study = SHARED.get(chapter, chapter)
    assert (PACKAGE / f"{chapter}.py").exists() or (PACKAGE / "studies" / study / "__init__.py").exists()
    assert (ROOT / "tests" / f"test_{chapter}.py").exists() or any(ROOT.glob(f"tests/studies/{study}/test_*.py"))


@pytest.mark.parametrize("order", [CORE, STUDIES], ids=["core", "studies"])
def test_reading_order_is_that_of_the_chapters(order):
    chapters = [name for name in pages(numbered=True) if name in order]
    assert len(chapters) > 3
    assert chapters == sorted(chapters, key=order.index)


def test_every_study_has_a_place_in_the_reading_order():
    assert sorted(path.name for path in (PACKAGE / "studies").iterdir() if (path / "__init__.py").exists()) == sorted(
        STUDIES
    )


# --- modules ---------------------------------------------------------------------------------------------------------


def imports(source: str) -> set[str]:
    """What a module imports of toyclip, without "toyclip." before it: anywhere, in functions and in doctests too.

    "" stands for the package itself, whose public names are for readers: inside, a name comes from its own module.
    """
    examples = "".join(example.source for example in doctest.DocTestParser().get_examples(source))
    names = set()
    for node in [*ast.walk(ast.parse(source)), *ast.walk(ast.parse(examples))]:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {submodule_or_owner(f"{'.' * node.level}{node.module or ''}", alias.name) for alias in node.names}
    return {name.removeprefix("toyclip").removeprefix(".") for name in names if name.split(".")[0] in ("toyclip", "")}


def submodule_or_owner(owner: str, name: str) -> str:
    """The module that `from owner import name` needs."""
    path = ROOT.joinpath(*owner.split("."), name)
    return f"{owner}.{name}" if path.is_dir() or path.with_suffix(".py").exists() else owner


def may_import(importer: str, imported: str) -> bool:
    """The rules of direction, for dotted names without "toyclip." before them."""
    (wing, *folder), other = importer.split("."), imported.split(".")[0]
    if wing in FREE:
        return True
    if wing in CORE:
        return other in CORE[: CORE.index(wing)]
    if wing == "lab":
        return other in (*TOOLS, "lab")
    if wing == "exercises":  # they judge answers about anything that a chapter teaches
        return other in (*CORE, *WINGS, "lab", "studies")
    if wing in WINGS:
        return other in (*CORE, wing)
    if wing == "figures":
        return other in (*CORE, *WINGS, "lab", "figures")
    if wing == "studies" and other == "studies":
        earlier = STUDIES[: STUDIES.index(folder[0]) + 1] if folder else STUDIES
        return ".".join(imported.split(".")[1:2]) in earlier
    return wing == "studies" and other in (*CORE, *WINGS, "lab")


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle, if there are any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


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
                safe = any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords)
                wrong = owner == "torch" and (method == "save" or (method == "load" and not safe))
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


def module_name(path: Path) -> str:
    """toyclip/lab/runs.py -> lab.runs, toyclip/lab/__init__.py -> lab."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


MODULES = {module_name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("name", MODULES)
def test_imports_follow_the_rules_of_direction(name):
    others = sorted(imports(MODULES[name]) - {name})
    assert [other for other in others if not may_import(name, other)] == []


def test_import_graph_has_no_circle():
    graph = {name: imports(source) - {name} for name, source in MODULES.items()}
    assert graph["__main__"] == {"cli"}  # the graph is there
    assert circle(graph) == []


@pytest.mark.parametrize("source", MODULES.values(), ids=MODULES)
def test_module(source):
    assert global_randomness(source) == []
    assert undocumented(source) == []
    assert len(source.splitlines()) <= LONGEST


WRONG = [  # what breaks a rule of direction
    ("data", "encoders"),
    ("infonce", "train"),
    ("errors", "files"),
    ("train", "chunked"),
    ("muon", "lab.checks"),
    ("loss_checks", "studies.infonce.wrong_losses"),
    ("zero_shot", "figures.style"),
    ("encoders", "surprise"),
    ("surprise", "errors"),
    ("train", ""),
    ("", "train"),
    ("lab.runs", "checkpoint"),
    ("lab.runs", "data"),
    ("lab", "studies.batch.sweeps"),
    ("studies.frequency.plan", "studies.composition.unseen"),
    ("studies.infonce.wrong_losses", "studies.batch"),
    ("studies.batch.sweeps", "figures.batch"),
    ("studies.batch.sweeps", "cli"),
    ("studies.batch.sweeps", "studies"),
    ("studies.batch.sweeps", ""),
    ("figures.batch", "studies.batch.sweeps"),
    ("figures.style", "cli"),
    ("exercises.data", "figures.data"),
    ("studies.batch.sweeps", "exercises.batch"),
    ("train", "exercises.data"),
    ("lab.answers", "exercises.data"),
    ("train", "own.captions"),
    ("own.captions", "large.shards"),
    ("large.shards", "own.captions"),
    ("own.captions", "lab.checks"),
    ("own.captions", "studies.batch"),
    ("large.shards", "figures.style"),
]
RIGHT = [
    ("train", "data"),
    ("data", "errors"),
    ("lab.runs", "files"),
    ("lab.runs", "lab.provenance"),
    ("studies.batch.sweeps", "studies.batch.ablations"),
    ("studies.composition.unseen", "studies.frequency.corpus"),
    ("studies.infonce.wrong_losses", "chunked"),
    ("studies.speedrun.bench", "lab.provenance"),
    ("figures.zero_shot", "lab.checks"),
    ("figures.batch", "figures.style"),
    ("figures.data", "pictures"),
    ("exercises.infonce", "lab.answers"),
    ("exercises.infonce", "studies.infonce.wrong_losses"),
    ("exercises.data", "data"),
    ("studies", "studies.batch.sweeps"),
    ("cli", "studies.batch.sweeps"),
    ("assets.make_emoji", "pictures"),
    ("own.captions", "loss_floor"),
    ("own.captions", "own.concepts"),
    ("large.shards", "data"),
    ("figures.own", "own.captions"),
    ("exercises.scale", "large.shards"),
    ("studies.batch.sweeps", "large.shards"),
    ("commands.own", "own.captions"),
]


@pytest.mark.parametrize(("importer", "imported"), WRONG)
def test_import_in_the_wrong_direction_is_noticed(importer, imported):
    assert not may_import(importer, imported)


@pytest.mark.parametrize(("importer", "imported"), RIGHT)
def test_import_in_the_right_direction_is_allowed(importer, imported):
    assert may_import(importer, imported)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import toyclip.infonce", {"infonce"}),
        ("import torch, toyclip", {""}),
        ("from toyclip import lab, train", {"lab", "train"}),
        ("from toyclip import ToyCLIP, encoders", {"", "encoders"}),
        ("from toyclip.lab import runs", {"lab.runs"}),
        ("from toyclip.lab.runs import Run", {"lab.runs"}),
        ("def f():\n    from toyclip.train import fit", {"train"}),
        ('def f():\n    """F.\n\n    >>> from toyclip.train import fit\n    """', {"train"}),
        ("from . import data", {""}),
        ("from toyclips import data", set()),
        ("import torch", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(source, found):
    assert imports(source) == found


def test_circle_is_found():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


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
        "torch.load('m.pt', weights_only=False)",
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
