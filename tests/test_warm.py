"""A process forked from the server is, for a program and for who starts it, what the usual interpreter would be."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
import warm

PROGRAMS = {  # name: what it does
    "place and words": "import os, sys; print(os.getcwd(), sys.argv, sys.path[:2], __file__)",
    "environment": "import os; print(os.environ['TOLD'])",
    "input": "import sys; print(sys.stdin.read().upper())",
    "both streams": "import sys; print('out'); print('err', file=sys.stderr)",
    "word at the end": "import sys; sys.exit('toyclip: no such file')",
    "code": "import sys; sys.exit(7)",
    "end by a function": "import atexit; atexit.register(print, 'over')",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "Ctrl-C": (
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    print('stopped')"
    ),
    "package of its own": "import mine; print(mine.__file__)",
    "process of its own": (
        "import multiprocessing as m\nif __name__ == '__main__':\n"
        "    with m.get_context('spawn').Pool(1) as pool:\n        print(pool.map(abs, [-1]))"
    ),
}  # fmt: skip
WAIT = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


@pytest.fixture(scope="module")
def forked() -> Iterator[list[str]]:
    with warm.server("json", "numpy.random") as (python, _):
        yield python


def told(python: list[str], folder, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a program in a folder."""
    environment = {**os.environ, "TOLD": "a thing", "PYTHONPATH": str(folder / "place")}
    command = [*python, *words]
    done = subprocess.run(
        command, input="text", cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["", "in the background"])
def _hearing(request) -> Iterator[None]:
    """Whether Ctrl-C is heard, which a process inherits."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hearing")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("start", [["program.py"], ["-u", "-m", "program"]], ids=["file", "module"])
def test_program_ends_and_prints_as_by_the_usual_interpreter(program, start, forked, tmp_path):
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "mine.py").write_text("")
    words = (*start, "one", "two words")
    assert told(forked, tmp_path, *words) == told([sys.executable], tmp_path, *words)


def test_unexpected_error_ends_with_its_own_line(forked, tmp_path):
    (tmp_path / "program.py").write_text("import numpy\n{}['key']")
    code, _, said = told(forked, tmp_path, "program.py")
    assert code == 1
    assert said.splitlines()[-1] == "KeyError: 'key'"
    assert 'program.py", line 2' in said


def test_what_was_imported_is_there_and_random_numbers_are_of_each_process(forked, tmp_path):
    code = "import sys\nprint('json' in sys.modules)\nimport random, numpy\nprint(random.random(), numpy.random.rand())"
    (tmp_path / "program.py").write_text(code)
    outputs = [told(forked, tmp_path, "program.py")[1] for _ in range(2)]
    assert all(output.startswith("True" if sys.platform == "linux" else "False") for output in outputs)
    one, other = (set(output.split()[1:]) for output in outputs)
    assert not one & other


def waiting(python: list[str], folder) -> tuple[subprocess.Popen, psutil.Process]:
    """A program that waits, and its process."""
    (folder / "wait.py").write_text(WAIT)
    asked = subprocess.Popen([*python, "wait.py"], cwd=folder, stdout=subprocess.PIPE, text=True)
    return asked, psutil.Process(int(asked.stdout.readline()))


def gone(process: psutil.Process) -> bool:
    """Whether it has ended within some seconds."""
    return process in psutil.wait_procs([process], timeout=10)[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_program_ends_with_who_asked_for_it_and_others_go_on(number, forked, tmp_path):
    (asked, process), (other, beside) = (waiting(forked, tmp_path) for _ in range(2))
    with asked, other:
        asked.send_signal(number)
        assert asked.wait(10) == -number
        assert gone(process)
        assert not psutil.wait_procs([beside], timeout=0.2)[0]
        other.kill()


def test_no_process_outlives_the_server(tmp_path):
    with warm.server() as (python, _):
        asked, process = waiting(python, tmp_path)
        if sys.platform != "linux":
            asked.kill()
    with asked:
        assert gone(process)
        assert asked.wait(10) != 0
