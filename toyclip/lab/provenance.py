"""Where a stored number comes from: the code that made it, the versions and the machine (helper, no chapter)."""

import ast
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGE = Path(__file__).parent


def code_lines(source: str) -> str:
    """A module's text without docstrings, comment lines and blank lines: what can change a result.

    >>> code_lines("# a remark\\n\\nprint('hello')\\n")
    "print('hello')"
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def imported_modules(source: str) -> set[str]:
    """Dotted names of the toyclip modules that a piece of Python imports.

    >>> sorted(imported_modules("import torch\\nfrom toyclip import figures\\nfrom toyclip.data import draw"))
    ['data', 'figures']
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {name.removeprefix("toyclip.") for name in names if name.startswith("toyclip.")}
    return {name for name in inside if module_file(name).exists()}


def module_file(name: str) -> Path:
    """The file of a toyclip module, given without the package's name; it need not exist."""
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def fingerprint(*modules: str) -> str:
    """Hash of the code of these toyclip modules and of all that they import; comments and docstrings do not count.

    >>> fingerprint("data") == fingerprint("data", "errors")    # data imports errors
    True
    """
    reached, waiting = {}, set(modules)
    while waiting:
        name = waiting.pop()
        source = module_file(name).read_text(encoding="utf-8")
        reached[name] = code_lines(source)
        waiting |= imported_modules(source) - reached.keys()
    text = "\n".join(f"{name}\n{reached[name]}" for name in sorted(reached))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def machine() -> dict[str, str | int]:
    """Versions and hardware, to be stored beside a result."""
    packages = ("torch", "numpy", "pillow", "scikit-learn", "scipy")
    return {
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
        "processor": processor(),
        "cores": os.cpu_count() or 1,
    }


def processor() -> str:
    """The processor's name, as the operating system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
