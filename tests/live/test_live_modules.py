"""The rules of the JavaScript: small modules, few kinds of import, no name twice, nothing of the page in the model."""

import itertools
import re

import pytest
from javascript import FOLDER

LONGEST, WIDEST = 200, 120
IMPORT = re.compile(r'import \{([^}]*)\} from "\./(\w+)\.js";\n')
EXPORT = re.compile(r"export (?:async )?(?:function\*?|class|const) ")
TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+|\[[^\]]*\])", re.MULTILINE)
ELSEWHERE = r"\b(document|window|globalThis|self|localStorage|fetch|import\.meta|Math\.random|Date|eval)\b"
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.js"))}
TOUCHED = {  # what a reader touches: it may know the page, and modules of its folder and of the model
    path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*/*.js"))
}


def without_words(source: str) -> str:
    """The source without comments and texts."""
    source = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    return re.sub(r"//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", "", source)


def complaints(name: str, source: str) -> list[str]:
    """What of the rules a module breaks."""
    lines, found = source.splitlines(), []
    code = IMPORT.sub("", source)
    if not source.startswith("// "):
        found.append("the first line does not say what the module is for")
    if len(lines) > LONGEST:
        found.append(f"{len(lines)} lines")
    found += [f"line {i} is too wide" for i, line in enumerate(lines, start=1) if len(line) > WIDEST]
    if re.search(r"\bimport\b", without_words(code)):
        found.append("an import of another kind")
    if any(" as " in names for names, _ in IMPORT.findall(source)):
        found.append("an import under another name")
    if len(re.findall(r"^export ", source, re.MULTILINE)) != len(EXPORT.findall(source)):
        found.append("an export of another kind")
    if re.search(r"^await\b", source, re.MULTILINE):
        found.append("waits while it is loaded")
    found += [f"uses {word}" for word in re.findall(ELSEWHERE, without_words(code))]
    return found


def top_level(source: str) -> list[str]:
    """The names that a module defines for itself, were all modules one."""
    return [name for found in TOP_LEVEL.findall(source) for name in re.findall(r"\w+", found)]


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_the_rules(name):
    assert complaints(name, MODULES[name]) == []


@pytest.mark.parametrize("name", TOUCHED)
def test_module_of_the_page_is_as_small_and_narrow(name):
    imports = re.sub(r'from "\.\./(?:page/)?(\w+)\.js"', r'from "./\1.js"', TOUCHED[name])
    assert [fault for fault in complaints(name, imports) if not fault.startswith("uses ")] == []


def test_no_name_is_defined_in_two_modules():
    names = sorted(name for source in MODULES.values() for name in top_level(source))
    assert len(names) > 80
    assert [name for name, following in itertools.pairwise(names) if name == following] == []


def test_what_is_imported_is_exported_there_and_used():
    for name, source in MODULES.items():
        for names, other in IMPORT.findall(source):
            for imported in filter(None, re.split(r"[,\s]+", names)):
                assert re.search(rf"^export .*\b{imported}\b", MODULES[other], re.MULTILINE), f"{name}: {imported}"
                assert len(re.findall(rf"\b{imported}\b", without_words(source))) > 1, f"{name} does not use {imported}"


@pytest.mark.parametrize(
    "source",
    [
        "const a = 1;\n", "// A\n" + "let b;\n" * 200, "// A" + "a" * 120, '// A\nimport a from "./b.js";\n',
        '// A\nimport { a as b } from "./c.js";\n', "// A\nexport default 1;\n", "// A\nexport { a };\n",
        "// A\nawait 1;\n", "// A\ndocument.title = 1;\n", "// A\nMath.random();\n", '// A\nimport("./b.js");\n',
    ],
)  # fmt: skip
def test_a_broken_rule_is_noticed(source):
    assert complaints("a", source)
