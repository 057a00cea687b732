"""Sphinx extension: joins the JavaScript of `book/live` into two scripts, one for the model, one for small figures.

The book opens from the disk, too, where a browser takes neither modules nor `fetch`. So modules are put one after
another into one function of a classic script, in the order in which they import one another, together with their data:
the weights that the package ships, the kernel and a few emoji; stored results for the figures. A worker starts from the
text of the same function. The model is loaded by a click (`_static/live.js`).
"""

import base64
import io
import json
import posixpath
import re
import zlib
from pathlib import Path

from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config

BOOK = Path(__file__).resolve().parents[1]
FOLDER = BOOK / "live"
WEIGHTS = BOOK.parent / "toyclip" / "pretrained" / "shapes.safetensors"
STRANGERS = "🍏🌞🟠⭐🛑"  # emoji that no caption of the world names as they are

IMPORT = re.compile(r'^import \{([^}]*)\} from "([\w/.]+)";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?function|class|const)", re.M)
COMMENT = re.compile(
    r"^\s*(?://[^\n]*|/\*\*.*?\*/)\n", re.M | re.S
)  # that has its lines for itself
EXPORTED = re.compile(
    r"^export (?:async )?(?:function\*?|class|const) (\w+)", re.M
)


class BundleError(Exception):
    """A module that cannot be joined to the others; the message says which and why."""


def modules(name: str, folder: Path = FOLDER) -> dict[str, str]:
    """The module of that name and all that it imports, each after what it imports; from name to text.

    Raises:
        BundleError: if a module imports itself by way of others, or a file that is not there.
    """
    found: dict[str, str] = {}
    visit(name, folder, found, ())
    return found


def visit(
    name: str, folder: Path, found: dict[str, str], path: tuple[str, ...]
) -> None:
    """Put into `found` what a module imports, then the module; `path` is what led to it."""
    if name in path:
        raise BundleError(
            f"modules import each other in a circle: {' -> '.join((*path, name))}"
        )
    if name in found:
        return
    file = folder / name
    if not file.is_file():
        raise BundleError(
            f"{path[-1] if path else 'the bundle'} imports {name}, and there is no such file"
        )
    text = file.read_text(encoding="utf-8")
    for _, imported in IMPORT.findall(text):
        visit(target(name, imported), folder, found, (*path, name))
    found[name] = text


def join(texts: dict[str, str]) -> str:
    """All modules in one text, each a function of its own that returns what it exports; `start` is that of the last.

    Raises:
        BundleError: if one imports or exports in another form than by name, at the start of a line.
    """
    numbers = {module: f"m{i}" for i, module in enumerate(texts)}
    parts = []
    for module, text in texts.items():
        imports = [
            f"const {{{names.strip()}}} = {numbers[target(module, path)]};"
            for names, path in IMPORT.findall(text)
        ]
        body = EXPORT.sub("", IMPORT.sub("", text))
        if left := re.search(
            r"^\s*(?:import|export)\b.*|.*\bimport[.(].*", body, re.M
        ):
            raise BundleError(
                f"{module} has {left[0].strip()!r}; import and export by name, at the start of a line"
            )
        end = f"return {{ {', '.join(EXPORTED.findall(text))} }};\n}})();"
        parts.append(
            "\n".join(
                [
                    f"const {numbers[module]} = (() => {{ // {module}",
                    *imports,
                    slim(body) + end,
                ]
            )
        )
    return "\n".join(
        [*parts, f"const {{ start }} = {list(numbers.values())[-1]};"]
    )


def target(module: str, path: str) -> str:
    """The name of what a module imports from a path.

    >>> target("page/ask.js", "../data.js"), target("page/ask.js", "./dom.js")
    ('data.js', 'page/dom.js')
    """
    return posixpath.normpath(
        posixpath.join(posixpath.dirname(module), path)
    )


def slim(text: str) -> str:
    """A module without its comments and its indentation, which a third of its bytes are.

    >>> slim("// why\\nconst a = 1; // and how\\n  /** what\\n   * for */\\n  a();\\n")
    'const a = 1; // and how\\na();\\n'
    """
    return (
        re.sub(
            r"^[ ]+|\n(?=\n)", "", COMMENT.sub("", text), flags=re.M
        ).strip()
        + "\n"
    )


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sprites() -> list[dict[str, str]]:
    """The emoji on offer: those that the world's captions name, and some strangers, each as a small WebP without loss.

    On the ground of the world, since a browser would round what is half transparent in its own way.
    """
    from toyclip.pictures import WORLD_EMOJI, emoji, on_background

    wanted = [*WORLD_EMOJI, *STRANGERS]
    sheet = {e.character: e for e in emoji() if e.character in wanted}
    return [
        {"name": sheet[c].name, "webp": encoded(packed(on_background(sheet[c].sprite)))}
        for c in wanted
        if c in sheet
    ]


def packed(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", lossless=True, quality=100, method=6)
    return file.getvalue()


def model_data() -> dict:
    """What the model in the page comes with."""
    return {
        "weights": encoded(zlib.compress(WEIGHTS.read_bytes(), 9)),
        "kernel": encoded((FOLDER / "kernel.wasm").read_bytes()),
        "emoji": sprites(),
    }


def figure_data() -> dict:
    """What the small figures draw: a picture's cosines by the shipped model, and the runs behind the chapter on lots."""
    import torch

    from toyclip import streams
    from toyclip.checkpoint import load
    from toyclip.data import CAPTIONS, draw
    from toyclip.lab.study import stored
    from toyclip.studies.frequency.corpus import FULL
    from toyclip.zero_shot import classifier, similarities

    model, tokenizer = load()
    picture = draw(
        "green", "cross", streams.rng(0, "the picture of the small figure")
    )  # (32, 32, 3)
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[
        None
    ]  # (1, 3, 32, 32)
    cosines = similarities(
        model, pixels, classifier(model, CAPTIONS, tokenizer)
    )[0]  # (16,)
    return {
        "temperature": {
            "captions": CAPTIONS,
            "cosines": [round(c, 4) for c in cosines.tolist()],
            "scale": round(model.logit_scale.item(), 2),
            "picture": encoded(packed(Image.fromarray(picture))),
        },
        "lots": {
            "runs": [
                {k: r[k] for k in ("counts", "hits")}
                for r in stored("frequency_conditions")["results"]["base"]
            ],
            "test": FULL.test,
        },
    }


SCRIPTS = {  # file below _static/live -> its first module, its name on the page, its data
    "clip.js": ("page/main.js", "toyclipLive", model_data),
    "figures.js": ("figures/small.js", "toyclipFigures", figure_data),
}


def script(first: str, name: str, data: dict) -> str:
    """One of the scripts: a function of all its modules, called with its data and itself."""
    return (
        "// Joined from the modules of book/live by book/_ext/live.py. Read them there.\n"
        f"window.{name} = (function joined(data) {{\n{join(modules(first))}\nreturn start(data, joined);\n}})"
        f"({json.dumps(data, ensure_ascii=False, separators=(',', ':'))});\n"
    )


def presets() -> dict[str, str]:
    """Which preset of the page runs a claim of the ledger again, from claim to preset."""
    text = (FOLDER / "page" / "presets.js").read_text(encoding="utf-8")
    return {
        claim: name
        for name, claim in re.findall(
            r'name: "([\w-]+)",\s+claim: "(\w+)"', text
        )
    }


def announce(app: Sphinx, config: Config) -> None:
    """Make the scripts, and put the small one that loads them on every page, with the size of the larger one."""
    made = {
        file: script(first, name, data())
        for file, (first, name, data) in SCRIPTS.items()
    }
    app.live_scripts = made
    kilobytes = round(len(made["clip.js"].encode()) / 1000)
    app.add_css_file("live.css")
    app.add_js_file(
        "live.js",
        **{
            "data-kilobytes": str(kilobytes),
            "data-claims": json.dumps(presets()),
        },
    )


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the scripts beside the other static files."""
    if error is None and app.builder.name == "html":
        folder = Path(app.outdir) / "_static" / "live"
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in app.live_scripts.items():
            (folder / file).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", announce)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
