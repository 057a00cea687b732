"""Turns the text of the page's kernel, kernel.wat, into the bytes that a browser runs: `make kernel`."""

from pathlib import Path

import wasmtime

HERE = Path(__file__).parent


def built() -> bytes:
    """The bytes that the text stands for."""
    return bytes(wasmtime.wat2wasm((HERE / "kernel.wat").read_text(encoding="utf-8")))


if __name__ == "__main__":
    (HERE / "kernel.wasm").write_bytes(built())
