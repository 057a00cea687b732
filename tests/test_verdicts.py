"""Every claim of the table has one verdict in the book, whose word follows from measured parts and nothing else."""

import ast
import re
from html import escape

import execute
import nbformat
import pytest

from toyclip.lab.claims import box, claims, collected, read_verdicts

TABLE = claims()
KEYWORDS = {"seeds", "recipe"}  # every verdict says what it rests on; an effect may be added
CODE = {path.stem: execute.code(nbformat.read(path, as_version=4)) for path in execute.chapters()}
SHOWN = {path.stem: read_verdicts(path) for path in execute.chapters()}
CALLS = [
    (chapter, node)
    for chapter, code in CODE.items()
    for node in ast.walk(ast.parse(code))
    if isinstance(node, ast.Call) and "verdict" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
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
    named = {keyword.arg for keyword in call.keywords}
    if len(call.args) != 3 or named - {"effect"} != KEYWORDS or not isinstance(call.args[0], ast.Constant):
        return ["expected verdict(id, parts, because, seeds=..., recipe=...), perhaps with an effect"]
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


BAD_PARTS = [
    "{'a': True}",
    "{'a': not False}",
    "{'a': found > 1 or True}",
    "{'a': 1 < 2}",
    "{'a': said == said}",
    "{'a': min(1, 2) < 2}",
    "{'a': found > 1, 'b': said > 1}",
    "{'a': found > 1, **{b: said > 1 for b in (1, 2)}}",
]
BAD = [f"verdict('S1', {parts}, 'so', seeds=3, recipe='fast')" for parts in BAD_PARTS] + [
    "verdict('S1', {'a': found > 1}, 'so')",
    "verdict('S1', {'a': found > 1}, 'so', seeds=3)",
    "verdict('S1', {'a': found > 1}, 'so', seeds=3, recipe='fast', outcome='holds')",
]


def complaints_about(call: str) -> list[str]:
    """What is said about a call in a chapter that works out `found` and writes down `said`."""
    code = f"said = 74_913\nfound = count(model)\n{call}"
    (node,) = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "verdict"]
    return complaints(code, node)


@pytest.mark.parametrize("call", BAD)
def test_verdict_that_rests_on_nothing_is_noticed(call):
    assert complaints_about(call)


@pytest.mark.parametrize("more", ["", ", effect=Effect('points', found, 1, 2)"])
def test_verdict_that_rests_on_something_passes(more):
    assert complaints_about(f"verdict('S1', {{'a': found > 1}}, 'so', seeds=3, recipe='fast'{more})") == []


def test_every_claim_has_one_verdict_and_every_verdict_a_claim():
    assert sorted(call.args[0].value for _, call in CALLS) == sorted(TABLE)
    assert sorted(v.claim for found in SHOWN.values() for v in found) == sorted(TABLE)


def test_claims_are_in_order_and_their_sources_in_the_bibliography():
    kinds = [claim[0] for claim in TABLE]
    assert kinds == sorted(kinds, key="SFZLTI".index)
    for kind in set(kinds):
        numbers = [int(claim[1:]) for claim in TABLE if claim[0] == kind]
        assert numbers == sorted(set(numbers))
    assert {f"S{i}" for i in range(1, 19)} | {f"F{i}" for i in range(1, 10)} <= TABLE.keys()
    bibliography = (execute.BOOK / "references.bib").read_text(encoding="utf-8")
    assert [c.source for c in TABLE.values() if f"{{{c.source}," not in bibliography] == []


def test_sentences_are_printed_from_the_table_and_typed_nowhere():
    assert {v.claim: v.says for found in SHOWN.values() for v in found} == {i: c.sentence for i, c in TABLE.items()}
    for path in execute.chapters():
        typed = " ".join(" ".join(c.source.split()) for c in nbformat.read(path, as_version=4).cells)
        assert [claim.id for claim in TABLE.values() if claim.sentence in typed] == []


def test_what_the_package_brings_along_is_what_the_chapters_show():
    assert collected() == [(chapter, v) for chapter, found in SHOWN.items() for v in found]


def test_box_says_what_its_data_says():
    for path in execute.chapters():
        for cell in execute.code_cells(nbformat.read(path, as_version=4)):
            for output in cell.outputs:
                html = output.get("data", {}).get("text/html", "")
                if 'class="verdict ' in html:
                    assert html == box(next(v for v in SHOWN[path.stem] if f'id="verdict-{v.claim.lower()}"' in html))


def test_ledger_shows_every_claim_with_its_outcome_and_a_link_to_its_box():
    cells = execute.code_cells(nbformat.read(execute.BOOK / "ledger.ipynb", as_version=4))
    html = "\n".join(o.data["text/html"] for c in cells for o in c.outputs if "text/html" in o.get("data", {}))
    for chapter, found in SHOWN.items():
        for v in found:
            row = re.search(rf'<tr[^>]*data-claim="{v.claim}".*?</tr>', html, re.DOTALL)[0]
            assert f'href="{chapter}.html#verdict-{v.claim.lower()}"' in row
            assert f">{v.outcome}<" in row
            assert escape(v.says) in row
