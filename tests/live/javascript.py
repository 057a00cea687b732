"""Runs the JavaScript of book/live in a browser, with arrays handed over both ways without loss.

They go as a file, which the page fetches: through the pipe to the browser a megabyte takes a second.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from playwright.sync_api import Browser, Page, Route

FOLDER = Path(__file__).parents[2] / "book" / "live"
MODULES = sorted(path.stem for path in FOLDER.glob("*.js"))
TYPES = {"float32": "Float32Array", "float64": "Float64Array", "int32": "Int32Array", "uint8": "Uint8Array"}

# All names that the modules export, as globals of the page, with a product of each kind and what carries arrays.
SETUP = """async ([address, modules, types]) => {
  for (const name of modules) Object.assign(globalThis, await import(`${address}/${name}.js`));
  const fetched = async (name) => new Uint8Array(await (await fetch(name, { cache: "no-store" })).arrayBuffer());
  globalThis.unpack = (value, bytes) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    if (!value.array) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, unpack(v, bytes)]));
    const [kind, from, to] = value.array;
    return new globalThis[types[kind]](bytes.slice(from, to).buffer);
  };
  globalThis.unpackAll = async (value) => unpack(value, await fetched(`${address}/given`));
  const kernel = await fetched(`${address}/kernel.wasm`);
  globalThis.PRODUCTS = { wasm: await loadProducts(kernel), plain: await loadProducts(null) };
  globalThis.pack = (value) => {
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      let text = "";
      for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
      const kind = Object.keys(types).find((key) => types[key] === value.constructor.name);
      return { array: [kind ?? "uint8", btoa(text)] };
    }
    if (value instanceof Map) value = Object.fromEntries(value);
    if (Array.isArray(value)) return value.map(pack);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, pack(entry)]));
  };
}"""


class Engine:
    """A page in which the modules are loaded."""

    def __init__(self, page: Page, address: str, folder: Path):
        self.page, self.file = page, folder / "given"
        page.goto(f"{address}/errors.js")  # any file of the folder: modules can be imported from there
        page.evaluate(SETUP, [address, MODULES, TYPES])

    def run(self, body: str, **given: Any) -> Any:
        """What the body of an asynchronous function returns, its arguments being `given`; arrays come back flat.

        Raises:
            playwright.sync_api.Error: if the body throws; the message holds the error's name and its own.
        """
        script = f"""async (packed) => {{
          const {{ {", ".join(given)} }} = await unpackAll(packed);
          return pack(await (async () => {{ {body} }})());
        }}"""
        with self.file.open("wb") as file:
            packed = _packed(given, file)
        return _unpacked(self.page.evaluate(script, packed))


def _packed(value: Any, file: BinaryIO) -> Any:
    """The value with its arrays written into the file, and in their place a type and a range of bytes."""
    if isinstance(value, np.ndarray):
        start = file.tell()
        file.write(np.ascontiguousarray(value).tobytes())
        return {"array": [value.dtype.name, start, file.tell()]}
    if isinstance(value, dict):
        return {key: _packed(entry, file) for key, entry in value.items()}
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"array"}:
        kind, text = value["array"]
        return np.frombuffer(base64.b64decode(text), dtype=kind)
    return {key: _unpacked(entry) for key, entry in value.items()}


@contextmanager
def engine(browser: Browser, address: str, folder: Path, fault: tuple[str, str, str] | None = None) -> Iterator[Engine]:
    """A new page with the modules; with a fault, a module's text is changed on its way: (module, right, wrong).

    Args:
        address: under which the folder, a copy of FOLDER that may be written into, is served.

    Raises:
        ValueError: if the right text does not stand in the module exactly once.
    """
    context = browser.new_context()
    try:
        page = context.new_page()
        if fault is not None:
            module, right, wrong = fault
            source = (FOLDER / f"{module}.js").read_text(encoding="utf-8")
            if source.count(right) != 1:
                raise ValueError(f"{module}.js holds {right!r} {source.count(right)} times, not once")

            def answer(route: Route) -> None:
                route.fulfill(body=source.replace(right, wrong), content_type="text/javascript")

            page.route(f"**/{module}.js", answer)
        yield Engine(page, address, folder)
    finally:
        context.close()
