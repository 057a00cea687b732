"""The command line with shards, checkpoints and several processes: one result, one line of error, no hang."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from crew import Crew
from safetensors.torch import load_file

from toyclip.large.shards import records, shard_paths, write_shards
from toyclip.loss_floor import floor


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """Four shards of 40 pictures; in one of them a caption is of other words."""
    folder = tmp_path_factory.mktemp("world")
    write_shards(folder / "w", pictures=160, per_shard=40, seed=0)
    path = folder / "w" / "shapes-000002.tar"
    captions = [f"a {c} {s}".encode() for c in ("red", "blue", "green") for s in ("circle", "square", "cross")]
    content = path.read_bytes()
    first = min((content.find(c) for c in captions if c in content), default=-1)
    path.write_bytes(content[:first] + b"x" + content[first + 1 :])
    return folder / "w"


def slowly(rank: int) -> None:
    """Steps that take a tenth of a second, so that a signal comes in the middle."""
    from toyclip.large import training

    right = training.move

    def move(*arguments: object) -> None:
        time.sleep(0.1)
        right(*arguments)

    training.move = move


def same_models(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return all((a[name] == b[name]).all() for name in a)


def wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_processes_train_from_shards_and_go_on_when_one_was_killed(world, tmp_path):
    """Three shards: one process has two, and goes on alone with half the batch when the other has run out."""
    three = world / "shapes-{000000..000002}.tar"
    common = ["train", "--recipe", "fast", "--batch-size", 16, "--shards", three]
    crew = Crew(tmp_path, 2, [*common, "--out", tmp_path / "whole", "--json", tmp_path / "told.json"])
    codes, lines = crew.wait()
    assert codes == [0, 0], lines
    (skipped, result) = lines
    assert skipped == "toyclip: skipped 1 damaged records beside 119 pairs: 1 with a caption of other words"
    assert result.startswith("74,913 parameters, 2 epochs in ")
    assert "s in 2 processes: loss " in result
    told = json.loads((tmp_path / "told.json").read_text())
    captions = Counter(record.caption for path in shard_paths(str(three)) for record in records(path))
    counts = [n for caption, n in captions.items() if caption.startswith(b"a ")]
    parts = ((80, 16), (32, 8), (7, 7))  # pairs that came in batches of this size
    expected = sum(pairs * floor(counts, size) for pairs, size in parts) / sum(counts)
    assert [epoch["floor"] for epoch in told["epochs"]] == pytest.approx([expected] * 2)
    assert (told["processes"], len(told["epochs"]), told["skipped"]) == (2, 2, skipped.removeprefix("toyclip: "))

    common += ["--checkpoint", tmp_path / "run", "--every", 1, "--out", tmp_path / "again"]
    crew = Crew(tmp_path, 2, common, slowly)
    wait_for(tmp_path / "run")
    time.sleep(0.3)
    os.kill(crew.members[1].pid, signal.SIGKILL)
    codes, lines = crew.wait()
    assert codes == [2, -signal.SIGKILL]
    assert [line for line in lines if line.startswith("toyclip: another process has ended")] == lines
    assert len(lines) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"told", "told.json", "run", "whole"}
    codes, lines = Crew(tmp_path, 2, common).wait()
    assert codes == [0, 0], lines
    assert lines[0].startswith(f"going on from {tmp_path / 'run'}: 0 epochs and ")
    assert same_models(tmp_path / "whole", tmp_path / "again")


def only_rank_0_sees_the_checkpoint(rank: int) -> None:
    """As where a folder is no shared disk."""
    exists = Path.exists
    Path.exists = lambda path, **options: exists(path, **options) and (rank == 0 or path.name != "run")


def test_checkpoint_that_not_all_processes_see_is_refused(tmp_path):
    common = ["train", "--recipe", "fast", "--epochs", 1, "--batch-size", 1360, "--checkpoint", tmp_path / "run"]
    assert Crew(tmp_path, 2, common).wait()[0] == [0, 0]
    codes, lines = Crew(tmp_path, 2, common, only_rank_0_sees_the_checkpoint).wait()
    assert codes == [2, 2]
    told = "not every process sees the same checkpoint; put it on a disk that all machines share, or copy it to each"
    assert lines == [f"toyclip: {told}"]


def test_ctrl_c_ends_all_with_one_line(world, tmp_path):
    common = ["train", "--recipe", "fast", "--batch-size", 16, "--shards", world, "--checkpoint", tmp_path / "run"]
    crew = Crew(tmp_path, 2, [*common, "--every", 1], slowly)
    wait_for(tmp_path / "run")
    for member in crew.members:
        os.kill(member.pid, signal.SIGINT)
    codes, lines = crew.wait()
    assert lines == ["toyclip: stopped"]
    assert set(codes) <= {2, 130}
    assert 130 in codes


@pytest.mark.parametrize(
    ("size", "arguments", "told"),
    [(2, ["--batch-size", 1], "batches of at least 2"), (2, ["--recipe", "best"], "unknown recipe 'best'"),
     (2, ["--shards", "nowhere"], "there is no shard 'nowhere'"), (2, ["--device", "mps"], "cannot share the device"),
     (2, ["--out", "no/where"], "cannot write 'no/where'"),
     (1, ["--every", 0, "--checkpoint", "run"], "--every 0: give"), (1, ["--every", 9], "--every is for checkpoints"),
     (1, ["--workers", 2], "--workers read shards"), (1, ["--chunk", 0], "use a chunk of at least one")],
)  # fmt: skip
def test_what_is_wrong_is_one_line_of_all_processes(size, arguments, told, tmp_path):
    codes, lines = Crew(tmp_path, size, ["train", *arguments]).wait()
    assert codes == [2] * size
    assert len(lines) == 1, lines
    assert lines[0].startswith("toyclip: ")
    assert told in lines[0]


def test_one_process_with_gradient_caching_and_a_checkpoint_of_the_world_in_memory(tmp_path):
    common = ["train", "--recipe", "fast", "--epochs", 1, "--batch-size", 1360, "--chunk", 100]
    common += ["--checkpoint", tmp_path / "run"]
    for arguments, told in ((common, "74,913 parameters, 1 epochs"), (common, "going on from"),
                            ([*common, "--seed", 1], "is of a run with seed 0, and this one has 1")):  # fmt: skip
        _, lines = Crew(tmp_path, 1, arguments).wait()
        assert told in lines[0]


def test_shards_are_written_and_told_of(tmp_path):
    codes, lines = Crew(tmp_path, 1, ["shards", tmp_path / "new", "--pictures", 50, "--per-shard", 20]).wait()
    assert codes == [0]
    assert lines == ["50 pictures in 3 shards, 0.2 MB"]
    codes, lines = Crew(tmp_path, 1, ["shards", tmp_path / "new"]).wait()
    assert codes == [2]
    assert "holds shards already" in lines[0]
