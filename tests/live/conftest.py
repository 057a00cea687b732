"""The modules of the page, served, and loaded in a browser for each file of tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import served
from javascript import FOLDER, Engine, engine
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the modules, into which tests may write what the page is to fetch."""
    return Path(shutil.copytree(FOLDER, tmp_path_factory.mktemp("live") / "live"))


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def js(browser: Browser, address: str, folder: Path) -> Iterator[Engine]:
    with engine(browser, address, folder) as loaded:
        yield loaded
