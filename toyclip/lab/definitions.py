"""What a piece of Python defines, and what of it means something: the text that provenance hashes (helper)."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from toyclip.errors import InputError

Target = tuple[str, tuple[str, ...]]  # a module, and attributes to take from it
LAZY = "_HOME"  # the table of a module with a __getattr__: public name -> submodule that defines it
SCOPE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, Target]:
    """What each name means that an import binds.

    Raises:
        InputError: if the import is relative or takes everything, so that reading it does not tell what it binds.
    """
    if isinstance(node, ast.Import):
        return {
            a.asname or a.name.split(".")[0]: (a.name if a.asname else a.name.split(".")[0], ()) for a in node.names
        }
    if node.level or any(alias.name == "*" for alias in node.names):
        raise InputError(f"cannot follow '{ast.unparse(node)}'; name the whole module and each thing imported from it")
    return {alias.asname or alias.name: (node.module, (alias.name,)) for alias in node.names}


def own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a body but those inside the functions, classes and comprehensions that it holds."""
    for node in body:
        yield node
        if not isinstance(node, SCOPE | ast.Lambda | COMPREHENSION):
            yield from own(ast.iter_child_nodes(node))


def bound(body: Iterable[ast.AST]) -> dict[str, Target | None]:
    """The names that a function's body makes its own; with what they mean if an import binds them."""
    names: dict[str, Target | None] = {}
    outer = set()
    for node in own(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= imported(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id, None)
        elif isinstance(node, SCOPE | ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.setdefault(node.name, None)
        elif isinstance(node, ast.Global):
            outer |= set(node.names)
    return {name: target for name, target in names.items() if name not in outer}


class Module:
    """A module's definitions and imports by name.

    >>> module = Module("import math as m\\nA = 1\\ndef f(): return A")
    >>> sorted(module.statements), module.imports
    (['A', 'f'], {'m': ('math', ())})
    """

    def __init__(self, source: str, name: str = "") -> None:
        self.tree = ast.parse(source)
        self.statements: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, Target] = {}
        for statement in self.tree.body:
            for node in own([statement]):
                if isinstance(node, SCOPE):
                    self.statements.setdefault(node.name, []).append(node)
                elif isinstance(node, ast.Import | ast.ImportFrom):
                    self.imports |= imported(node)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self.statements.setdefault(node.id, []).append(statement)
        if LAZY in self.statements and "__getattr__" in self.statements:
            table = ast.literal_eval(self.statements[LAZY][0].value)
            self.imports |= {public: (f"{name}.{home}", (public,)) for public, home in table.items()}


def meaning(statements: list[ast.stmt], module: Module, name: str) -> tuple[str, set[Target], set[str]]:
    """What some statements of a module mean: as text, with the things and the strings that they name.

    Gone from the text are docstrings, types, imports, and what follows the exception's name in `raise`. A name that
    stands for something imported, or defined at the top of the module, becomes a mark for what it stands for.

    Args:
        name: of the module.

    >>> meaning(Module("X = 1").statements["X"], Module("X = 1"), "m")
    ("Assign(targets=[Name(id='<m|X>')], value=Constant(value=1))", {('m', ('X',))}, set())
    """
    copies = [ast.parse(ast.unparse(statement)).body[0] for statement in statements]  # the tree serves other names, too
    reader = _Meaning(module, name)
    said = [text(new) for new in map(reader.visit, copies) if new is not None]
    return "\n".join(said), reader.targets, reader.strings


@dataclass
class _Meaning(ast.NodeTransformer):
    """Takes the parts that mean nothing out of a syntax tree."""

    module: Module
    name: str
    targets: set[Target] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    scopes: list[dict[str, Target | None]] = field(default_factory=list)

    def stands_for(self, name: str) -> Target | None:
        """What a name means here; None for a local one and for what Python brings along."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return (self.name, (name,)) if name in self.module.statements else self.module.imports.get(name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        target = self.stands_for(node.id)
        if target is None:
            return node
        self.targets.add(target)
        return ast.Name(id=mark(target))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        inner, attributes = node, []
        while isinstance(inner, ast.Attribute):
            attributes.insert(0, inner.attr)
            inner = inner.value
        target = self.stands_for(inner.id) if isinstance(inner, ast.Name) else None
        if target is None:
            return self.generic_visit(node)
        target = (target[0], (*target[1], *attributes))
        self.targets.add(target)
        return ast.Name(id=mark(target))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            self.strings.add(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node, node.body[1:] if ast.get_docstring(node) is not None else node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._function(node, [node.body])

    def _function(self, node: ast.AST, body: list[ast.AST]) -> ast.AST:
        a = node.args
        arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        for argument in arguments:
            argument.annotation = None
        node.args = self.visit(a)  # the defaults belong to the scope around
        node.decorator_list = [self.visit(d) for d in getattr(node, "decorator_list", [])]
        node.returns = None
        self.scopes.append(bound(body) | {argument.arg: None for argument in arguments})
        node.body = [new for new in map(self.visit, body) if new is not None]
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):  # a field: its name and default count, of its type only the kind
                kinds = [k for k in ("ClassVar", "InitVar", "KW_ONLY") if k in ast.unparse(statement.annotation)]
                statement.annotation, statement.field = ast.Constant(kinds), True
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if hasattr(node, "field"):
            return self.generic_visit(node)
        return self.visit(ast.Assign([node.target], node.value)) if node.value else None

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        return None

    visit_ImportFrom = visit_Import

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        exception = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return self.generic_visit(ast.Raise(exception, None))

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return self.generic_visit(ast.Assert(node.test, None))

    def _comprehension(self, node: ast.AST) -> ast.AST:
        first, node.generators[0].iter = self.visit(node.generators[0].iter), ast.Constant(None)
        inside = [n for generator in node.generators for n in ast.walk(generator.target) if isinstance(n, ast.Name)]
        self.scopes.append({n.id: None for n in inside})
        self.generic_visit(node)
        self.scopes.pop()
        node.generators[0].iter = first
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def mark(target: Target) -> str:
    """The text that stands for a target until it is resolved.

    >>> mark(("toyclip.data", ("draw_pairs",)))
    '<toyclip.data|draw_pairs>'
    """
    return f"<{target[0]}|{'.'.join(target[1])}>"


def text(node: object) -> str:
    """A syntax tree as text that is the same under every version of Python."""
    if isinstance(node, ast.AST):
        fields = [(key, value) for key, value in ast.iter_fields(node) if value is not None and value != []]
        said = [f"{key}={text(value)}" for key, value in fields if key not in ("ctx", "kind", "type_comment")]
        return f"{type(node).__name__}({', '.join(said)})"
    return f"[{', '.join(map(text, node))}]" if isinstance(node, list) else repr(node)
