"""Small slips in a module's source, one at a time: an operator, a constant, a condition, a forgotten call."""

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

SWAPS = {  # what is written -> what is planted
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}  # fmt: skip
CALLS = {  # method or function -> another one
    "argmax": "argmin", "amax": "amin", "mean": "sum", "sum": "mean", "min": "max", "max": "min", "exp": "log1p",
    "any": "all", "all": "any", "round": "floor", "floor": "ceil", "uniform": "normal", "relu": "gelu", "gelu": "relu",
    "median": "mean", "cos": "sin", "maximum": "minimum",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A module's source with one slip in it."""

    module: str
    line: int
    what: str  # old -> new
    source: str

    @property
    def title(self) -> str:
        """Where it is and what it does."""
        return f"{self.module}:{self.line} {self.what}"


def slips(source: str) -> int:
    """How many slips can be made in a module."""
    return sum(1 for _ in _slips(ast.parse(source)))


def mutants(module: str, source: str, chosen: Iterable[int] | None = None) -> Iterator[Mutant]:
    """The chosen of the slips that can be made in a module, or all, in the order of its lines.

    Left alone are docstrings, annotations, messages of exceptions, and the names of types.

    >>> [m.what for m in mutants("m", "def f(x):\\n    return x + 1")]
    ['x + 1 -> x - 1', '1 -> 2']
    """
    for number in range(slips(source)) if chosen is None else chosen:
        tree = ast.parse(source)
        node, change = next(itertools.islice(_slips(tree), number, None))
        before = ast.unparse(node)
        change(node)
        after = "nothing" if getattr(node, "dropped", False) else ast.unparse(node)
        text = ast.unparse(ast.fix_missing_locations(tree))
        yield Mutant(module, node.lineno, f"{_short(before)} -> {_short(after)}", text)


def _slips(tree: ast.AST) -> Iterator[tuple[ast.AST, Callable]]:
    return ((node, change) for node in _nodes(tree) for change in _changes(node))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that a slip can be made in."""
    if isinstance(tree, ast.Raise | ast.Import | ast.ImportFrom):
        return
    for field, value in ast.iter_fields(tree):
        for node in value if isinstance(value, list) else [value]:
            remark = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if isinstance(node, ast.AST) and not remark and field not in ("annotation", "returns"):
                if hasattr(node, "lineno"):
                    yield node
                yield from _nodes(node)


def _changes(node: ast.AST) -> Iterator[Callable]:
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in SWAPS:
        yield lambda twin: setattr(twin, "op", SWAPS[type(twin.op)]())
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            if type(op) in SWAPS:
                yield lambda twin, i=i: twin.ops.__setitem__(i, SWAPS[type(twin.ops[i])]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        yield lambda twin: setattr(twin, "op", ast.UAdd())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _bare_truth
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield lambda twin: setattr(twin, "value", not twin.value)
        elif isinstance(node.value, int):
            yield lambda twin: setattr(twin, "value", twin.value + 1)
        elif isinstance(node.value, float):
            yield lambda twin: setattr(twin, "value", twin.value * 1.5 or 1.0)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CALLS:
            yield _other_call
        for i, keyword in enumerate(node.keywords):
            if keyword.arg:
                yield lambda twin, i=i: twin.keywords.pop(i)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield _drop
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        for i, decorator in enumerate(node.decorator_list):
            if "property" not in ast.unparse(decorator) and "static" not in ast.unparse(decorator):
                yield lambda twin, i=i: twin.decorator_list.pop(i)
    if isinstance(node, ast.Slice) and (node.lower is None) != (node.upper is None):
        yield _other_side
    if isinstance(node, ast.IfExp):
        yield lambda twin: setattr(twin, "body", twin.orelse)


def _bare_truth(twin: ast.UnaryOp) -> None:
    twin.operand = ast.UnaryOp(ast.Not(), twin.operand)


def _other_call(twin: ast.Call) -> None:
    if isinstance(twin.func, ast.Attribute):
        twin.func.attr = CALLS[twin.func.attr]
    else:
        twin.func.id = CALLS[twin.func.id]


def _drop(twin: ast.Expr) -> None:
    twin.value, twin.dropped = ast.Constant(None), True


def _other_side(twin: ast.Slice) -> None:
    twin.lower, twin.upper = twin.upper, twin.lower
