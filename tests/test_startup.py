"""The command line before it works and when it is stopped: a quick start, the version, one line on Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from importlib import import_module

import pytest

import toyclip
from toyclip import cli
from toyclip.pictures import emoji

HEAVY = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "pandas", "statsmodels", "IPython", "rich", "PIL"}
CLASSIFY = {"torch", "numpy", "PIL"}  # all that a picture and a model need of them
AFTER = """
import atexit, json, sys
from toyclip import cli
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
sys.argv = ["toyclip", *sys.argv[1:]]
cli.main()
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A red circle."""
    path = tmp_path_factory.mktemp("picture") / "circle.png"
    next(e.sprite for e in emoji() if e.character == "🔴").save(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [(["--help"], set()), (["--version"], set()), (["train", "--help"], set()), (["study", "--help"], set()),
     (["floor", "captions.txt", "--batch-size", "2"], {"numpy"}),
     (["classify"], set()), (["classify", "picture", "a red circle", "a blue cross"], CLASSIFY)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_command_imports_no_more_than_it_needs(arguments, needed, picture):
    arguments = [str(picture) if word == "picture" else word for word in arguments]
    done = subprocess.run([sys.executable, "-c", AFTER, *arguments], capture_output=True, text=True, check=False)
    lacking = arguments[0] == "floor" or arguments == ["classify"]  # captions.txt, and a picture
    assert done.returncode == (2 if lacking else 0)
    imported = {name.split(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}
    assert imported & HEAVY == needed


def seconds(*arguments: object) -> float:
    """How long a Python process computes, from its start to its end; what else the machine does hardly counts."""
    import resource  # here, since Windows has none

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("command", "bare", "times"),
    [(["--help"], "import typer", 2.5), (["classify", "picture", "a red circle", "a blue cross"], "import torch", 1.6)],
    ids=["help", "classify"],
)
def test_command_takes_little_longer_than_the_one_import_it_needs(command, bare, times, picture):
    """Once, or the best of up to four. On an idle machine --help takes 1.1 times as long, classify 1.2 times."""
    command = [picture if word == "picture" else word for word in command]
    took, alone = [seconds("-m", "toyclip", *command)], [seconds("-c", bare)]
    while min(took) >= times * min(alone) and len(took) < 4:
        took.append(seconds("-m", "toyclip", *command))
        alone.append(seconds("-c", bare))
    assert min(took) < times * min(alone)


def test_version_is_that_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["toyclip", "--version"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert capsys.readouterr().out == f"toyclip {toyclip.__version__}\n"


STOPPED = {  # command -> the function in the middle of which it is stopped
    ("train", "--epochs", "1"): "train.train",
    ("classify", "picture.png", "red"): "checkpoint.load",
    ("eval",): "checkpoint.load",
    ("floor", "captions.txt", "--batch-size", "2"): "own.floor_report.report",
    ("bench",): "studies.speedrun.bench.bench",
}


@pytest.mark.parametrize("command", STOPPED, ids=" ".join)
def test_ctrl_c_is_one_line_and_code_130(command, monkeypatch, capsys):
    def stop(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    module, _, function = STOPPED[command].rpartition(".")
    monkeypatch.setattr(import_module(f"toyclip.{module}"), function, stop)
    monkeypatch.setattr(sys, "argv", ["toyclip", *command])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    assert capsys.readouterr().err.splitlines()[-1] == "toyclip: stopped"


TRAINING = """
import signal, sys
from toyclip import cli, train

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
fit = train.fit
train.fit = lambda *args, **kwargs: print("training", flush=True) or fit(*args, **kwargs)
sys.argv = ["toyclip", "train", "--epochs", "30", "--out", sys.argv[1]]
cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_training_ends_on_a_real_signal_and_leaves_no_file(tmp_path):
    command = [sys.executable, "-c", TRAINING, str(tmp_path / "model.safetensors")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "training\n"
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "toyclip: stopped"
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
