"""One browser for all tests of the JavaScript; it starts when the first of them asks for it."""

from collections.abc import Iterator

import pytest
from browser import chromium, served
from javascript import FOLDER, Engine, engine
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with served(FOLDER) as url:
        yield url


@pytest.fixture(scope="session")
def js(browser: Browser, address: str) -> Iterator[Engine]:
    with engine(browser, address) as loaded:
        yield loaded
