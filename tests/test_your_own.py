"""Every command of the how-to page is run as it is printed, in a folder with the files that the page shows.

A section of `book/your_own.md` stands for itself. A code block with a caption is a file of that name. In a `console`
block a line after `$ ` is a command, and what follows is all that it prints; a line `...` stands for any lines.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import warm

PAGE = Path(__file__).parents[1] / "book" / "your_own.md"
BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
CAPTION = re.compile(r"\A(?::[\w-]+:[^\n]*\n)*:caption: (?P<name>\S+)\n(?::[\w-]+:[^\n]*\n)*\n?")
HUGGING_FACE = ("transformers.models.clip.modeling_clip", "transformers.models.clip.image_processing_pil_clip")
PROGRAMS = {"toyclip": ["-m", "toyclip"], "python": [], "torchrun": ["-m", "torch.distributed.run"]}


def sections(text: str) -> dict[str, str]:
    """The sections of a page that hold a console block, by their titles.

    >>> list(sections("# Page\\n## One\\n```console\\n$ ls\\n```\\n## Two\\nNo command.\\n"))
    ['One']
    """
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part for part in parts if "```console\n" in part}


def files(section: str) -> dict[str, str]:
    """The files that a section shows, by name.

    >>> files("```{code-block} text\\n:caption: a.txt\\n\\na red circle\\n```\\n")
    {'a.txt': 'a red circle\\n'}
    """
    bodies = [match["body"] for match in BLOCK.finditer(section) if match["info"].startswith("{code-block}")]
    captions = [CAPTION.match(body) for body in bodies]
    return {c["name"]: body[c.end() :] for c, body in zip(captions, bodies, strict=True) if c}


def commands(section: str) -> list[tuple[str, str]]:
    """The commands of a section in their order, and what each is said to print.

    >>> commands("```console\\n$ toyclip --version\\ntoyclip 0.1.0\\n$ ls\\n```\\n")
    [('toyclip --version', 'toyclip 0.1.0\\n'), ('ls', '')]
    """
    blocks = [match["body"] for match in BLOCK.finditer(section) if match["info"] == "console"]
    pieces = [piece for block in blocks for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, told) for command, _, told in (piece.partition("\n") for piece in pieces)]


def fits(printed: str, told: str) -> bool:
    """Whether a command printed what the page says; spaces at the end of a line do not count.

    >>> fits("one\\ntwo\\nthree\\n", "one\\n...\\nthree\\n"), fits("one\\ntwo\\n", "one\\n")
    (True, False)
    """
    lines = [line.rstrip() for line in told.strip().splitlines()]
    pattern = "\n".join(r".*" if line == "..." else re.escape(line) for line in lines)
    return re.fullmatch(pattern, "\n".join(map(str.rstrip, printed.strip().splitlines())), re.DOTALL) is not None


@pytest.fixture(scope="module")
def python() -> Iterator[list[str]]:
    """What to write for this Python, which has to import torch and transformers only once for all commands."""
    with warm.server(*warm.MODULES, *HUGGING_FACE) as (words, _):
        yield words


def run(command: str, folder: Path, python: list[str]) -> str:
    """What a command prints, in a shell in which the programs of the page are those of this Python."""
    place = folder / "bin"
    path = f"{place}{os.pathsep}{os.environ['PATH']}"
    for name, words in PROGRAMS.items():
        program = place / name
        place.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {" ".join([*python, *words])} "$@"\n')
        program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={
            **os.environ,
            "PATH": path,
            "COLUMNS": "120",
            "OMP_NUM_THREADS": "1",
            "PYTHON_EXEC": str(place / "python"),  # which torchrun starts
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


SECTIONS = sections(PAGE.read_text(encoding="utf-8"))


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a POSIX shell")
@pytest.mark.parametrize("title", SECTIONS)
def test_commands_print_what_the_page_says(title, tmp_path, python):
    for name, content in files(SECTIONS[title]).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    for command, told in commands(SECTIONS[title]):
        printed = run(command, tmp_path, python)
        assert fits(printed, told), f"$ {command}\n{printed}"


def test_every_block_is_a_file_a_command_or_said_to_be_neither():
    """Nothing on the page looks like a command without being run."""
    kinds = {match["info"] for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}
    assert {kind for kind in kinds if not kind.startswith("{")} <= {"console"}


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a POSIX shell")
def test_a_wrong_output_is_noticed(tmp_path, python):
    (tmp_path / "words.txt").write_text("red\nblue\n")
    assert fits(run("cat words.txt", tmp_path, python), "red\nblue\n")
    assert not fits(run("cat words.txt", tmp_path, python), "red\ngreen\n")
    assert not fits(run("cat missing.txt", tmp_path, python), "red\nblue\n")
    assert shutil.which("sh")
