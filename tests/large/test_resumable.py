"""A run that is killed at any moment goes on to the same weights, bit by bit; a full disk leaves what was there."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from crew import apart, many
from filelock import FileLock
from safetensors import safe_open
from safetensors.torch import save_file

from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.errors import InputError, ModelFileError, ProcessLostError
from toyclip.files import mark, write_whole
from toyclip.large.processes import Processes
from toyclip.large.resumable import claimed, load, save
from toyclip.large.training import InMemory, Run, fit
from toyclip.recipes import FAST

RECIPE = replace(FAST, batch_size=20)
ABOUT = {"recipe": "of the test", "seed": 4, "processes": 1}
PAIRS = draw_pairs(per_class=4, seed=0)
ALONE = Processes()
STEPS = 8  # two epochs of 64 pairs, in batches of 20, 20, 20 and 4


def source(processes: Processes = ALONE) -> InMemory:
    return InMemory(PAIRS.pixels, Tokenizer().encode(CAPTIONS)[PAIRS.captions], RECIPE.batch_size, processes)


def numbers(run: Run) -> dict[str, torch.Tensor]:
    """All that a later step could depend on."""
    found = {f"model {name}": tensor for name, tensor in run.model.state_dict().items()}
    for i, (optimizer, _) in enumerate(run.optimizers):
        for j, state in optimizer.state_dict()["state"].items():
            found |= {f"optimizer {i} {j} {name}": tensor for name, tensor in state.items()}
    return found | {"order": run.epoch_start}


def same(one: Run, other: Run) -> bool:
    a, b = numbers(one), numbers(other)
    where = replace(one.position, seconds=0.0) == replace(other.position, seconds=0.0)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) and where


def go(path: Path, processes: Processes = ALONE, after: object = lambda run: None) -> Run:
    """What the command does: go on if there is a checkpoint, and write one after every step and epoch."""
    run = Run.new(RECIPE, seed=4)
    if path.exists():
        load(path, run, ABOUT)

    def keep() -> None:
        if processes.rank == 0:
            save(path, run, ABOUT)
        after(run)

    for loss, _ in fit(run, RECIPE, source(processes), processes, after_step=keep):
        run.history.append({"loss": loss})
        if processes.rank == 0:
            save(path, run, ABOUT)
    return run


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[Run, Path]:
    """A run from start to end, and a folder with the checkpoint after each of its steps."""
    folder = tmp_path_factory.mktemp("steps")
    path = folder / "run"
    return go(path, after=lambda run: shutil.copy(path, folder / f"{run.position.step}")), folder


def test_run_goes_on_from_any_step_to_the_same_weights(uninterrupted, tmp_path):
    whole, folder = uninterrupted
    assert whole.position.step == STEPS
    for step in range(1, STEPS + 1):
        path = Path(shutil.copy(folder / str(step), tmp_path / "run"))
        run = go(path)
        assert same(run, whole), step
        assert run.history == whole.history
    assert same(go(path), whole)  # nothing is left to do


def test_global_random_numbers_are_left_alone(uninterrupted):
    before = torch.get_rng_state()
    load(uninterrupted[1] / "3", Run.new(RECIPE, 4), ABOUT)
    assert torch.equal(torch.get_rng_state(), before)


# --- killed ----------------------------------------------------------------------------------------------------------


def killed_at(path: Path, what: str, when: int) -> None:
    """A process that is killed in the middle of writing its checkpoint number `when`: nothing cleans up after it."""
    count = 0

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def at(right, before: bool):
        def wrong(*arguments):
            nonlocal count
            count += 1
            if count == when and before:
                die()
            value = right(*arguments)
            if count == when:
                die()
            return value

        return wrong

    if what == "half written":

        def half(number):
            os.ftruncate(number, os.fstat(number).st_size // 2)
            die()

        count_up = at(lambda number: half(number) if count == when else None, before=False)
        os.fsync = count_up
    elif what == "written":
        os.fsync = at(os.fsync, before=False)
    else:
        Path.replace = at(Path.replace, before=what == "not yet in its place")
    go(path)


@pytest.mark.parametrize(("what", "when"), [("half written", 1), ("half written", 4), ("written", 5),
                                            ("not yet in its place", 6), ("in its place", 3)])  # fmt: skip
def test_killed_while_it_writes_it_goes_on_from_the_last_whole_one(what, when, uninterrupted, tmp_path):
    path = tmp_path / "run"
    assert apart(killed_at, path, what, when) == -signal.SIGKILL
    left = {p.name for p in tmp_path.iterdir()}
    assert path.exists() == (when > 1)
    assert (left == {"run"}) == (what == "in its place")  # otherwise the half of a file lies there
    with claimed(path):
        assert {p.name for p in tmp_path.iterdir()} <= {"run", ".run.lock"}
        assert same(go(path), uninterrupted[0])
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def in_two(processes: Processes, path: str, victim: int | None) -> float:
    """One of two processes is killed after its fifth step; weights as one number, for comparing bits."""

    def after(run: Run) -> None:
        if processes.rank == victim and run.position.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    run = go(Path(path), processes, after)
    return sum((i + 1) * t.double().sum().item() for i, (_, t) in enumerate(sorted(numbers(run).items())))


@pytest.mark.parametrize("victim", [0, 1])
def test_one_of_two_killed_ends_both_and_both_go_on_to_the_same_weights(victim, tmp_path):
    whole = many(in_two, 2, str(tmp_path / "whole"), None)
    assert whole[0] == whole[1]
    with pytest.raises(ProcessLostError, match="another process has ended"):
        many(in_two, 2, str(tmp_path / "run"), victim)
    with safe_open(tmp_path / "run", "pt") as file:
        assert json.loads(file.metadata()["toyclip"])["position"]["step"] in (5, 6)
    assert many(in_two, 2, str(tmp_path / "run"), None) == whole


# --- the disk is full ------------------------------------------------------------------------------------------------


def filling(path: Path, told: Path) -> None:
    """No file of this process may grow beyond 1,000 bytes after its third step, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def after(run: Run) -> None:
        if run.position.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    try:
        go(path, after=after)
    except InputError as error:
        told.write_text(str(error))


def test_full_disk_leaves_the_last_good_checkpoint_and_is_one_line(uninterrupted, tmp_path):
    path, told = tmp_path / "run", tmp_path / "told"
    assert apart(filling, path, told) == 0
    assert told.read_text().startswith(f"cannot write '{path}' (File too large); give a file name")
    assert {p.name for p in tmp_path.iterdir()} == {"run", "told"}
    run = Run.new(RECIPE, 4)
    load(path, run, ABOUT)
    assert run.position.step == 3
    assert same(go(path), uninterrupted[0])


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    run = Run.new(RECIPE, 4)
    before = {name: tensor.clone() for name, tensor in numbers(run).items()}
    with pytest.raises(ModelFileError, match="is no whole checkpoint") as error:
        load(path, run, ABOUT)
    assert len(str(error.value).splitlines()) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in numbers(run).items())
    return str(error.value)


def test_damaged_and_foreign_files_are_refused(uninterrupted, tmp_path):
    content = (uninterrupted[1] / "5").read_bytes()
    path = tmp_path / "run"
    refused(path)  # not there
    for cut in (0, 5, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        refused(path)
    changed = bytearray(content)
    changed[-100] ^= 1
    path.write_bytes(changed)
    assert "not those that were written" in refused(path)
    save_file({"weight": torch.zeros(3)}, path)
    assert "not of the format" in refused(path)
    save_file({"weight": torch.zeros(3)}, path, {"toyclip": json.dumps({"format": "toyclip-run-1"})})
    refused(path)


@pytest.mark.parametrize(("name", "value"), [("seed", 5), ("processes", 2), ("recipe", "another"), ("data", "new")])
def test_checkpoint_of_another_run_is_refused_and_the_difference_named(name, value, uninterrupted):
    with pytest.raises(InputError, match=f"is of a run with {name} .*, and this one has {value}; ask for the same"):
        load(uninterrupted[1] / "5", Run.new(RECIPE, 4), ABOUT | {name: value})


def test_a_checkpoint_belongs_to_one_command_at_a_time(tmp_path):
    code = "import sys; from toyclip.large.resumable import claimed\nwith claimed(sys.argv[1]): print('mine')"
    path = tmp_path / "run"
    with claimed(path):
        half = tmp_path / f"{mark(path)}.0123abcd"
        half.write_text("half")  # of a name that the one at work may be writing
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "another command is at work with" in done.stderr
    assert half.exists()
    (tmp_path / ".run.notes").write_text("not ours")
    with claimed(path):
        assert {p.name for p in tmp_path.iterdir()} == {".run.lock", ".run.notes"}
    with pytest.raises(InputError, match="cannot write"), claimed(tmp_path / "nowhere" / "run"):
        pass


def test_a_run_that_starts_leaves_alone_what_another_one_is_writing(tmp_path):
    """Names that begin alike, as those of a sweep do."""
    one, other = (tmp_path / f"reference-seed-10-lr-{lr}.ckpt" for lr in ("3e-3", "1e-3"))

    def write(beside: Path) -> None:
        beside.write_text("whole")
        with claimed(other):
            pass

    write_whole(one, write)
    assert one.read_text() == "whole"


def test_no_two_commands_own_a_checkpoint_however_they_come_and_go(tmp_path, monkeypatch):
    """The second comes when the first lets go, the third when the first has cleared away its lock."""
    path, release, owners = tmp_path / "run", FileLock.release, []

    def released(lock: FileLock, *arguments: object, **options: object) -> None:
        release(lock, *arguments, **options)
        if not owners:
            monkeypatch.setattr(FileLock, "release", release)
            owners.append(claimed(path))
            owners[0].__enter__()

    with claimed(path):
        monkeypatch.setattr(FileLock, "release", released)
    with pytest.raises(InputError, match="another command is at work"), claimed(path):
        pass
    owners[0].__exit__(None, None, None)


def test_a_checkpoint_under_two_names_is_one(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "run")
    told = "another command is at work"
    with claimed(tmp_path / "far" / "run"), pytest.raises(InputError, match=told), claimed(tmp_path / "link"):
        pass
    half = tmp_path / "far" / f"{mark(tmp_path / 'far' / 'run')}.0123abcd"
    half.write_text("half")
    with claimed(tmp_path / "link"):
        assert not half.exists()
