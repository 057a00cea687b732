"""The Chromium that is on this machine, driven by Playwright, and a server for what it opens.

Playwright would download a browser of its own; `make browser` takes the system's instead. Nothing here reaches another
host: names other than localhost are not looked up, so that a page that asks for one fails in a test as it would on a
train.
"""

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

VARIABLE = "CHROMIUM"
NAMES = (  # first the one without windows, which needs a quarter less time for the same pages
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
)  # fmt: skip
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
QUIET = (
    "--no-sandbox",  # root cannot start it otherwise
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def executable() -> str:
    """The path of the browser.

    Raises:
        FileNotFoundError: if there is none; the message says how to get one.
    """
    found = os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and MAC.exists():
        found = str(MAC)
    if found is None or not Path(found).exists():
        raise FileNotFoundError(
            f"no Chromium here ({VARIABLE}={os.environ.get(VARIABLE)!r}); run `make browser`, or install Chromium or "
            f"Chrome and set {VARIABLE} to its path"
        )
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, JavaScript as such on every system, and prints nothing."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address, without a slash at its end, under which the files of a folder can be opened."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    print(executable())
