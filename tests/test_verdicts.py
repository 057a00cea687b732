"""Every claim of the table has one verdict in the book, whose word follows from measured parts and nothing else."""

import ast

import execute
import nbformat
import pytest

from toyclip.lab.claims import claims, read_verdicts

TABLE = claims(execute.BOOK / "claims.csv")
CODE = {path.stem: execute.code(nbformat.read(path, as_version=4)) for path in execute.chapters()}
PRINTED = {path.stem: read_verdicts(path) for path in execute.chapters()}
CALLS = [
    (chapter, node)
    for chapter, code in CODE.items()
    for node in ast.walk(ast.parse(code))
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "verdict"
]


def measured(code: str) -> set[str]:
    """Names that a chapter gives to something that it works out: not imported, not written down as it is."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.For) and not literal(node.value if isinstance(node, ast.Assign) else 0):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return names


def literal(node: ast.AST) -> bool:
    """Whether a value is written down as it is."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def parts(node: ast.expr) -> list[tuple[ast.expr, set[str]]]:
    """The values of the dictionary of parts, each with the names that it and what it runs over mention."""
    if isinstance(node, ast.DictComp):
        whole = ast.Tuple([node.value, *(generator.iter for generator in node.generators)])
        return [(node.value, {n.id for n in ast.walk(whole) if isinstance(n, ast.Name)})]
    assert isinstance(node, ast.Dict), ast.unparse(node)
    found = []
    for key, value in zip(node.keys, node.values, strict=True):
        names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
        found += parts(value) if key is None else [(value, names)]
    return found


def complaints(chapter_code: str, call: ast.Call) -> list[str]:
    """What keeps a verdict from resting on what was measured."""
    if len(call.args) != 3 or call.keywords or not isinstance(call.args[0], ast.Constant):
        return ["expected verdict(id, parts, because)"]
    known, found = measured(chapter_code), []
    for value, names in parts(call.args[1]):
        if any(isinstance(n, ast.Constant) and isinstance(n.value, bool | None) for n in ast.walk(value)):
            found.append(f"says true or false by itself: {ast.unparse(value)}")
        if not names & known:
            found.append(f"holds nothing that was measured: {ast.unparse(value)}")
    return found


@pytest.mark.parametrize(("chapter", "call"), CALLS, ids=[ast.unparse(call.args[0])[1:-1] for _, call in CALLS])
def test_verdict_rests_on_what_was_measured(chapter, call):
    assert complaints(CODE[chapter], call) == []


BAD = [
    "verdict('S1', {'a': True}, 'so')",
    "verdict('S1', {'a': not False}, 'so')",
    "verdict('S1', {'a': found > 1 or True}, 'so')",
    "verdict('S1', {'a': 1 < 2}, 'so')",
    "verdict('S1', {'a': said == said}, 'so')",
    "verdict('S1', {'a': min(1, 2) < 2}, 'so')",
    "verdict('S1', {'a': found > 1, 'b': said > 1}, 'so')",
    "verdict('S1', {'a': found > 1, **{b: said > 1 for b in (1, 2)}}, 'so')",
    "verdict('S1', {'a': found > 1}, 'so', outcome='holds')",
]


@pytest.mark.parametrize("call", BAD)
def test_verdict_that_rests_on_nothing_is_noticed(call):
    code = f"said = 74_913\nfound = count(model)\n{call}"
    (node,) = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "verdict"]
    assert complaints(code, node)


def test_every_claim_has_one_verdict_and_every_verdict_a_claim():
    assert sorted(call.args[0].value for _, call in CALLS) == sorted(TABLE)
    assert sorted(v.claim for found in PRINTED.values() for v in found) == sorted(TABLE)


def test_claims_are_in_order_and_their_sources_in_the_bibliography():
    assert list(TABLE) == [f"S{i}" for i in range(1, 19)] + [f"F{i}" for i in range(1, 10)]
    bibliography = (execute.BOOK / "references.bib").read_text(encoding="utf-8")
    assert [c.source for c in TABLE.values() if f"{{{c.source}," not in bibliography] == []


def test_sentences_are_printed_from_the_table_and_typed_nowhere():
    assert {v.claim: v.says for found in PRINTED.values() for v in found} == {i: c.sentence for i, c in TABLE.items()}
    for path in execute.chapters():
        typed = " ".join(" ".join(c.source.split()) for c in nbformat.read(path, as_version=4).cells)
        assert [claim.id for claim in TABLE.values() if claim.sentence in typed] == []


def test_ledger_shows_table_and_outcomes():
    cells = execute.code_cells(nbformat.read(execute.BOOK / "ledger.ipynb", as_version=4))
    shown = [o.data["text/markdown"] for cell in cells for o in cell.outputs if "text/markdown" in o.get("data", {})]
    found = {v.claim: (chapter, v) for chapter, verdicts in PRINTED.items() for v in verdicts}
    for text, letter, source in zip(shown, "SF", ("The source says", "Claimed"), strict=True):
        assert text.split("\n\n") == [
            f"**[{claim.id}]({chapter}): {v.outcome}.** {source}: {claim.sentence}. Found: {v.because}"
            for claim in TABLE.values()
            if claim.id.startswith(letter)
            for chapter, v in [found[claim.id]]
        ]
