"""The built site, served, and a browser for each file of tests; without a site of now there is one sentence."""

from collections.abc import Iterator

import pytest
from browser import served
from built import ROOT, SITE, out_of_date


def pytest_configure(config: pytest.Config) -> None:
    if reason := out_of_date(ROOT, SITE):
        raise pytest.UsageError(reason)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with served(SITE) as address:
        yield address
