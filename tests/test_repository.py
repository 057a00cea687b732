"""The site's buttons lead to the one address that is known, or are not there."""

import subprocess
from types import SimpleNamespace

import pytest
from _ext import repository


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A git repository of its own; the fixture sets the address of its remote."""
    monkeypatch.delenv(repository.VARIABLE, raising=False)
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def add(address: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", address], check=True)

    return add


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://github.com/someone/book.git", "https://github.com/someone/book"),
        ("git@github.com:someone/book.git", "https://github.com/someone/book"),
        ("ssh://git@codeberg.org/someone/book", "https://codeberg.org/someone/book"),
        ("/srv/git/book", ""),
        ("../book", ""),
        ("file:///srv/git/book.git", ""),
        ("https://example.org", ""),
    ],
)
def test_address_comes_from_the_remote_if_that_is_a_web_page(given, address, remote):
    remote(given)
    assert repository.address() == address


def test_without_a_remote_there_is_no_address(remote):
    assert repository.address() == ""


def test_variable_comes_first(remote, monkeypatch):
    remote("https://github.com/someone/book")
    monkeypatch.setenv(repository.VARIABLE, "https://example.org/a/copy/")
    assert repository.address() == "https://example.org/a/copy"
    monkeypatch.setenv(repository.VARIABLE, "")
    assert repository.address() == ""


@pytest.mark.parametrize(
    ("address", "colab"), [("https://github.com/a/b", True), ("https://example.org/a/b", False), ("", None)]
)
def test_buttons_follow_the_address(address, colab, monkeypatch):
    monkeypatch.setenv(repository.VARIABLE, address)
    config = SimpleNamespace(html_theme_options={"show_toc_level": 2})
    repository.add_buttons(None, config)
    options = config.html_theme_options
    assert options["show_toc_level"] == 2
    assert options.get("repository_url", "") == address
    assert bool(options.get("use_issues_button")) is bool(address)
    assert bool(options.get("launch_buttons")) is bool(colab)
