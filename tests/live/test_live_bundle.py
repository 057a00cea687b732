"""The modules of the page become one script that a browser takes from the disk, or one sentence says why not."""

import base64
import json
import re
import zlib

import pytest
from _ext import live

GOOD = {
    "main.js": 'import { b } from "./page/b.js";\n\n// says\nexport function start() { return b(); }\n',
    "page/b.js": 'import {\n  one,\n} from "../c.js";\n/** b\n * of the page */\n'
    "export const b = () => one + two;\nconst two = 2;\n",
    "c.js": "export const one = 1;\nconst two = 20; // of another module\n",
}


@pytest.fixture
def written(tmp_path):
    def write(**changed: str):
        for name, text in (GOOD | changed).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_modules_come_after_what_they_import_each_in_a_scope_of_its_own(written, js):
    texts = live.modules("main.js", written())
    assert list(texts) == ["c.js", "page/b.js", "main.js"]
    assert js.page.evaluate(f"() => {{ {live.join(texts)}\nreturn start(); }}") == 3


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"c.js": 'import { b } from "./page/b.js";\nexport const one = b;\n'}, "circle: main.js -> page/b.js -> c.js"),
        (
            {"main.js": 'import { b } from "./d.js";\nexport const start = b;\n'},
            "main.js imports d.js, and there is",
        ),
        ({"c.js": 'import all from "./d.js";\nexport const one = 1;\n'}, "c.js has 'import all"),
        ({"c.js": "export default 1;\nexport const one = 1;\n"}, "c.js has 'export default 1;'"),
        ({"c.js": 'export const one = import("./d.js");\n'}, "c.js has"),
    ],
)
def test_what_cannot_be_joined_is_refused_in_a_sentence(written, changed, says):
    with pytest.raises(live.BundleError, match=re.escape(says)):
        live.join(live.modules("main.js", written(**changed)))


def test_comments_that_have_their_lines_and_indentation_go_and_nothing_else():
    text = "// why\nconst a = '// no'; // and how\n  /** what\n   * for */\n  a();\n\n\n// end\n"
    assert live.slim(text) == "const a = '// no'; // and how\na();\n"


def test_weights_of_the_script_are_the_shipped_file_byte_by_byte():
    data = live.model_data()
    assert zlib.decompress(base64.b64decode(data["weights"])) == live.WEIGHTS.read_bytes()
    assert base64.b64decode(data["kernel"]) == (live.FOLDER / "kernel.wasm").read_bytes()
    assert len(data["emoji"]) == 10 + len(live.STRANGERS)


def test_data_cannot_end_the_script_that_holds_it():
    for first, name, data in live.SCRIPTS.values():
        made = live.script(first, name, dict.fromkeys(data(), "x"))
        assert json.dumps(dict.fromkeys(data(), "x"), separators=(",", ":")) in made
        assert "</script" not in made


def test_every_module_of_the_page_is_in_one_of_the_scripts():
    shipped = {name for first, _, _ in live.SCRIPTS.values() for name in live.modules(first)}
    there = {path.relative_to(live.FOLDER).as_posix() for path in live.FOLDER.rglob("*.js")}
    assert there - shipped == set()


def test_claims_lead_to_presets():
    assert live.presets()["S11"] == "leave-out"
    assert len(live.presets()) >= 7
