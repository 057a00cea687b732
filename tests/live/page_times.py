"""Measures what a training in the page takes, and what its claims come to, and stores both: `make page-times`.

Presses the button as a reader does, on the built site, one seed after the other, with the kernel and without; run it
with nothing beside it.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "book")]

from _ext.live import slim  # noqa: E402, found by the line above when this runs as a script
from browser import chromium, served  # noqa: E402
from claims import EXPECTED, run  # noqa: E402
from claims import SEEDS as CLAIM_SEEDS  # noqa: E402
from javascript import FOLDER, engine  # noqa: E402

STORED = ROOT / "toyclip" / "pretrained" / "page.json"
SEEDS = (0, 1, 2, 3, 4)


def code() -> str:
    """Hash of the JavaScript that the numbers belong to, but for its layout: the model, the experiment, the presets."""
    scripts = [*FOLDER.glob("*.js"), FOLDER / "page/experiment.js", FOLDER / "page/presets.js"]
    text = "".join(slim(script.read_text(encoding="utf-8")) for script in sorted(scripts))
    kernel = (FOLDER / "kernel.wasm").read_bytes()
    return hashlib.sha256("".join(text.split()).encode() + kernel).hexdigest()[:16]


def trained(page: Page, seed: int, limit: float = 240) -> dict:
    """One training by the button, and what the page says of it; `limit` in seconds."""
    live = page.locator("div.live-train.live")
    live.get_by_label("seed", exact=True).evaluate(
        "(field, seed) => { field.value = seed; field.dispatchEvent(new Event('input')); }", seed
    )
    live.locator(".live-go").click()
    live.locator(".live-result").wait_for(timeout=1000 * limit)
    data = live.locator(".live-outcome").evaluate("place => ({ ...place.dataset })")
    return {name: float(data[name] or "inf") for name in ("seconds", "arrived", "update", "accuracy")} | {
        "kernel": data["kernel"]
    }


def measure() -> dict:
    """Medians over SEEDS, in seconds."""
    runs = {}
    with chromium() as browser, served(ROOT / "_build" / "html") as address:
        for kernel, query in (("wasm", ""), ("plain", "?plain")):
            page = browser.new_page()
            page.goto(f"{address}/book/live.html{query}")
            page.locator("div.live-train .live-load").click()
            runs[kernel] = [trained(page, seed) for seed in SEEDS]
            assert {run["kernel"] for run in runs[kernel]} == {kernel}
            print(kernel, *runs[kernel], sep="\n")
        version = browser.version.split(".")[0]
    kernel, plain = runs["wasm"], runs["plain"]
    return {
        "seconds to 95 %": round(median(run["arrived"] for run in kernel), 1),
        "seconds": round(median(run["seconds"] for run in kernel), 1),
        "plain seconds to 95 %": round(median(run["arrived"] for run in plain), 1),
        "plain seconds": round(median(run["seconds"] for run in plain), 1),
        "accuracy": round(min(run["accuracy"] for run in kernel + plain), 4),
        "update of 95 %": max(run["update"] for run in kernel + plain),
        "seeds": len(SEEDS),
        "browser": f"Chromium {version}",
        "code": code(),
    }


def claims() -> dict[str, dict[str, list[float]]]:
    """For each claim the shares under each seed, with its change and without."""
    found = {}
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(shutil.copytree(FOLDER, Path(name) / "live"))
        with served(folder) as address, engine(browser, address, folder) as js:
            for claim in EXPECTED:
                changed, control = zip(*(run(js, claim, seed) for seed in range(CLAIM_SEEDS)), strict=True)
                found[claim] = {"changed": [round(v, 4) for v in changed], "control": [round(v, 4) for v in control]}
                print(claim, found[claim], EXPECTED[claim](list(changed), list(control)))
    return found


if __name__ == "__main__":
    times = measure() | {"claims": claims()}
    STORED.write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(times, indent=1))
