"""Sphinx extension: one address of the repository for all buttons, and no buttons without one.

The address is the environment variable BOOK_REPOSITORY, or that of the git remote `origin` if it is a web address (or
one of git@, which is turned into one). Without either there is nothing that a button could lead to.
"""

import os
import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

VARIABLE = "BOOK_REPOSITORY"
ROOT = Path(__file__).resolve().parents[2]


def web_address(remote: str) -> str:
    """The web page of a repository; empty if it has none, as a folder on this machine.

    >>> web_address("git@github.com:someone/book.git"), web_address("https://example.org/book"), web_address("/tmp/x")
    ('https://github.com/someone/book', 'https://example.org/book', '')
    """
    remote = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", remote.strip())
    remote = remote.removesuffix("/").removesuffix(".git")
    return remote if re.fullmatch(r"https://[\w.-]+/\S+", remote) else ""


def address() -> str:
    """The address to use, perhaps none."""
    if VARIABLE in os.environ:
        return web_address(os.environ[VARIABLE])
    command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    try:
        return web_address(subprocess.run(command, capture_output=True, text=True).stdout)
    except FileNotFoundError:  # there is no git
        return ""


def add_buttons(app: Sphinx, config: Config) -> None:
    """Give the theme the address and its buttons."""
    found = address()
    if found:
        config.html_theme_options = config.html_theme_options | {
            "repository_url": found,
            "repository_branch": "main",
            "path_to_docs": "",
            "use_repository_button": True,
            "use_issues_button": True,
            "use_edit_page_button": True,
            "launch_buttons": {"colab_url": "https://colab.research.google.com", "notebook_interface": "classic"}
            if "github.com" in found
            else {},
        }


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", add_buttons, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
