"""Where a stored number comes from: the code that decides it, the versions and the machine (helper, no chapter)."""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from toyclip.errors import InputError
from toyclip.lab.definitions import Module, Target, imported, meaning, text

PACKAGE = Path(__file__).parents[1]
Name = tuple[str, str]  # of a definition: its module, its own


def fingerprint(function: Callable) -> str:
    """Hash, 16 hex digits, of all code that can change what a function returns, in its own package.

    Counted are the function's definition, the definitions that it names, those that they name, and the files of data
    whose names they mention. Not counted: where these stand, how they are laid out and imported, comments, docstrings,
    types and the wording of errors.

    Raises:
        InputError: if the function is not defined at the top of a module, or an import cannot be followed.
    """
    home, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<nothing>")
    if not name.isidentifier() or home in (None, "__main__", "builtins"):
        raise InputError(f"{name!r} has no fingerprint; give a function defined with 'def' at the top of a module")
    code = _code(home.split(".")[0])
    return code.hash([], code.resolve((home, (name,))))


def fingerprint_source(source: str, package: str = PACKAGE.name) -> str:
    """Hash, 16 hex digits, of a piece of Python and of all code of a package that it reaches.

    Comments and layout do not count, in the package neither what `fingerprint` leaves out.

    >>> fingerprint_source("from toyclip.data import caption") == fingerprint_source("from toyclip import data")
    False
    """
    module, code = Module(source), _code(package)
    _, targets, _ = meaning(module.tree.body, module, "")
    return code.hash([text(module.tree)], {name for target in targets for name in code.resolve(target)})


class _Code:
    """All modules of a package, and its files of data by name."""

    def __init__(self, modules: dict[str, str], data: dict[str, list[Path]]) -> None:
        self.sources, self.data = modules, data
        self.module = functools.cache(lambda name: Module(self.sources[name], name))
        self.meaning = functools.cache(self._meaning)
        self.label = functools.cache(self._label)
        self.said = functools.cache(lambda name: self._marked(name, self.label))  # a definition, as it is hashed

    def resolve(self, target: Target) -> set[Name]:
        """The definitions that a target leads to: one, or all of a module, or none outside the package."""
        return self._follow(target)[0]

    def _follow(self, target: Target, depth: int = 0) -> tuple[set[Name], str]:
        """The definitions, and how the target is called without its module's name."""
        module, rest = target
        for i, part in enumerate(rest):
            if module not in self.sources:
                return set(), ".".join((module, *rest[i:]))
            here = self.module(module)
            if part in here.statements:
                return {(module, part)}, ".".join(rest[i:])
            if part in here.imports and depth < 9:
                where, attributes = here.imports[part]
                return self._follow((where, (*attributes, *rest[i + 1 :])), depth + 1)
            if f"{module}.{part}" not in self.sources:
                if not part.startswith("__"):
                    raise InputError(f"cannot find what {part!r} is in module {module!r}; define it there by name")
                break
            module += f".{part}"
        names = self.module(module).statements if module in self.sources else ()
        return {(module, name) for name in names}, "module" if names else module

    def _meaning(self, name: Name) -> tuple[str, set[Target], set[str]]:
        module = self.module(name[0])
        return meaning(module.statements[name[1]], module, name[0])

    def _label(self, target: Target) -> str:
        """A target's name, with a hash of its own text, since two modules may use one name for two things."""
        names, called = self._follow(target)
        texts = sorted(self._marked(name, lambda other: self._follow(other)[1]) for name in names)
        return f"{called}#{_digest(texts)}" if names else called

    def _marked(self, name: Name, called: Callable[[Target], str]) -> str:
        return re.sub(
            r"<([\w.]*)\|([\w.]*)>",
            lambda mark: called((mark[1], tuple(filter(None, mark[2].split("."))))),
            self.meaning(name)[0],
        )

    def hash(self, parts: list[str], names: Iterable[Name]) -> str:
        """Of these texts, these definitions, and all that they reach."""
        reached, waiting, strings = set(), set(names), set()
        while waiting:
            name = waiting.pop()
            reached.add(name)
            strings |= self.meaning(name)[2]
            waiting |= {other for target in self.meaning(name)[1] for other in self.resolve(target)} - reached
        parts = parts + sorted({self.said(name) for name in reached})
        files = {path for string in strings for path in self.data.get(string.rpartition("/")[2], [])}
        return _digest(parts + sorted({hashlib.sha256(path.read_bytes()).hexdigest() for path in files}))


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _code(top: str) -> _Code:
    """The code of a package, or of a module outside any, as it is on disk now."""
    spec = importlib.util.find_spec(top)
    if not spec or not spec.origin:
        raise InputError(f"there is no module {top!r} to read; give a function of a package that is installed")
    if not spec.submodule_search_locations:
        return _read(((top, Path(spec.origin).read_text(encoding="utf-8")),), ())
    folder = os.path.dirname(spec.origin)
    files = sorted(_files(folder), key=lambda path: path.split(os.sep))  # a folder before a module of its name
    modules = [path for path in files if os.path.splitext(path)[1] == ".py"]
    names = [".".join((top, *path[len(folder) + 1 : -len(".py")].split(os.sep))) for path in modules]
    sources = [Path(path).read_text(encoding="utf-8") for path in modules]
    return _read(
        tuple(zip((name.removesuffix(".__init__") for name in names), sources, strict=True)),
        tuple(Path(path) for path in files if os.path.splitext(path)[1] != ".py"),
    )


def _files(folder: str) -> Iterator[str]:
    """The paths of all files below a folder but for what Python has translated: every fingerprint reads them anew."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from filter(os.path.isfile, (os.path.join(place, name) for name in names))


@functools.lru_cache(maxsize=8)
def _read(modules: tuple[tuple[str, str], ...], data: tuple[Path, ...]) -> _Code:
    by_name: dict[str, list[Path]] = {}
    for path in data:
        by_name.setdefault(path.name, []).append(path)
    return _Code(dict(modules), by_name)


def code_lines(source: str) -> str:
    """A piece of Python without docstrings, comment lines and blank lines.

    >>> code_lines("# a remark\\n\\nprint('hello')\\n")
    "print('hello')"
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def imported_modules(source: str) -> set[str]:
    """Dotted names, without the package's, of the modules of this package that a piece of Python imports.

    >>> sorted(imported_modules("import torch\\nfrom toyclip import figures\\nfrom toyclip.data import draw"))
    ['data', 'figures']
    """
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names |= {node.module} | {".".join((home, *rest)) for home, rest in imported(node).values()}
    inside = {name.removeprefix(f"{PACKAGE.name}.") for name in names if name.startswith(f"{PACKAGE.name}.")}
    return {name for name in inside if module_file(name).exists()}


def module_file(name: str) -> Path:
    """The file of a module of this package, given without the package's name; it need not exist."""
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def machine(device: str = "cpu") -> dict[str, str | int]:
    """Versions and hardware, to be stored beside a result; with the name of what trained, if no processor did."""
    packages = ("torch", "numpy", "pillow", "scikit-learn", "scipy")
    return {
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        **({"device": accelerator(device)} if device != "cpu" else {}),
    }


def accelerator(device: str) -> str:
    """The name of a device that is no processor, as torch gives it."""
    import torch  # which the command line can do without until it runs something

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def processor() -> str:
    """The processor's name, as the operating system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
