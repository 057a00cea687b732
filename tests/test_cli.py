"""The command line: what it prints and writes, and one line with exit code 2 for everything it cannot use."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from toyclip import checkpoint, cli, data, recipes, train
from toyclip.data import CLASSES, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, LossNotFiniteError
from toyclip.lab import provenance
from toyclip.lab import runs as resume
from toyclip.pictures import BACKGROUND, WORLD_EMOJI, emoji
from toyclip.studies.frequency import plan
from toyclip.studies.speedrun import bench as speedrun
from toyclip.studies.speedrun.ladder import Rung
from toyclip.studies.zero_shot import captions

CAPTIONS = [caption(*pair) for pair in CLASSES]


@pytest.fixture
def toyclip(monkeypatch, capsys):
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["toyclip", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture of a red circle, a text file, half a picture and half a model."""
    folder = tmp_path_factory.mktemp("files")
    sprite = next(e.sprite for e in emoji() if e.character == "🔴")
    sprite.save(folder / "circle.png")
    (folder / "text.png").write_text("a red circle")
    (folder / "half.png").write_bytes((folder / "circle.png").read_bytes()[:500])
    (folder / "half.safetensors").write_bytes(checkpoint.PRETRAINED.read_bytes()[:2000])
    return folder


@pytest.fixture
def small_world(monkeypatch):
    """`train` draws 10 pictures of each class instead of 200."""
    monkeypatch.setattr(train, "world", lambda seed, rendering: data.split(data.draw_pairs(10, seed, rendering), seed))


# --- classify --------------------------------------------------------------------------------------------------------


def test_classify_prints_a_json_list_and_nothing_else(folder):
    """In a process of its own, as a stranger would."""
    command = [sys.executable, "-m", "toyclip", "classify", folder / "circle.png", *CAPTIONS, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ranking = json.loads(done.stdout)
    assert done.stderr == ""
    assert ranking[0]["label"] == "a red circle"
    assert sorted(row["label"] for row in ranking) == sorted(CAPTIONS)
    assert all(row.keys() == {"label", "cosine", "probability"} for row in ranking)
    for key in ("cosine", "probability"):
        values = [row[key] for row in ranking]
        assert values == sorted(values, reverse=True)
    assert sum(row["probability"] for row in ranking) == pytest.approx(1, abs=1e-5)
    assert all(-1 <= row["cosine"] <= 1 for row in ranking)


def test_probabilities_are_the_softmax_of_scaled_cosines(folder, toyclip):
    _, out, _ = toyclip("classify", folder / "circle.png", "a red circle", "a red square", "red", "--json")
    rows = json.loads(out)
    scale = checkpoint.load()[0].logit_scale.item()
    expected = torch.tensor([scale * row["cosine"] for row in rows]).softmax(dim=0)
    assert [row["probability"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-5)


def test_classify_without_json_is_a_table_of_the_same(folder, toyclip):
    code, out, err = toyclip("classify", folder / "circle.png", "a blue cross", "a red circle")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.startswith("a red circle  cosine +")
    assert second.startswith("a blue cross  cosine ")
    assert first.endswith("%")


def test_order_of_the_labels_does_not_matter(folder, toyclip):
    rankings = [json.loads(toyclip("classify", folder / "circle.png", *labels, "--json")[1])
                for labels in (CAPTIONS, CAPTIONS[::-1])]  # fmt: skip
    for one, other in zip(*rankings, strict=True):
        assert one["label"] == other["label"]
        assert one["cosine"] == pytest.approx(other["cosine"], abs=1e-5)


def test_eight_of_ten_emoji_are_right(toyclip, tmp_path):
    """PNG files of 160 x 160 with the emoji on a dark background, against all 16 captions."""
    right = 0
    for e in emoji():
        if e.character in WORLD_EMOJI:
            picture = Image.new("RGB", (160, 160), BACKGROUND)
            sprite = e.sprite.resize((128, 128), Image.Resampling.LANCZOS)
            picture.paste(sprite, (16, 16), sprite)
            picture.save(tmp_path / "emoji.png")
            code, out, _ = toyclip("classify", tmp_path / "emoji.png", *CAPTIONS, "--json")
            assert code == 0
            right += json.loads(out)[0]["label"] == caption(*WORLD_EMOJI[e.character])
    assert right >= 8


def test_classify_uses_the_model_it_is_given(folder, toyclip, tmp_path):
    checkpoint.save(ToyCLIP(seed=5), data.Tokenizer(), tmp_path / "other.safetensors")
    arguments = ("classify", folder / "circle.png", *CAPTIONS, "--json")
    assert toyclip(*arguments)[1] != toyclip(*arguments, "--model", tmp_path / "other.safetensors")[1]


# --- train, eval, study ----------------------------------------------------------------------------------------------


def test_train_writes_a_model_and_its_history(small_world, toyclip, tmp_path):
    model, history = tmp_path / "model.safetensors", tmp_path / "history.json"
    code, out, _ = toyclip("train", "--recipe", "fast", "--epochs", 2, "--seed", 3, "--out", model, "--json", history)
    assert code == 0
    assert out.startswith("74,913 parameters, 2 epochs in ")
    assert {path.name for path in tmp_path.iterdir()} == {model.name, history.name}
    stored = json.loads(history.read_text())
    assert stored.keys() >= {"parameters", "recipe", "seed", "seconds", "accuracy", "epochs", "command", "machine"}
    assert (stored["parameters"], stored["recipe"], stored["seed"]) == (74_913, "fast", 3)
    assert [row["epoch"] for row in stored["epochs"]] == [1, 2]
    assert all(row.keys() == {"epoch", "loss", "floor", "logit_scale", "accuracy"} for row in stored["epochs"])
    assert stored["command"].startswith("python -m toyclip train --recipe fast --epochs 2 --seed 3 ")
    expected, _ = train.train(replace(recipes.RECIPES["fast"], epochs=2), seed=3)
    assert all(torch.equal(expected.state_dict()[name], tensor) for name, tensor in load_file(model).items())


def test_eval_tells_accuracy_with_its_interval(toyclip):
    code, out, err = toyclip("eval", "--seed", 5)
    assert (code, err) == (0, "")
    fresh, of_emoji = out.splitlines()
    assert fresh.startswith("fresh pictures: ")
    assert "of 480 right (95 % interval " in fresh
    assert "of 10 right" in of_emoji


def test_study_writes_its_result(toyclip, tmp_path, monkeypatch):
    asked = []

    def run(name, once, seeds, workers, on_result):
        asked.append((name, seeds, workers))
        return {"results": [once.__name__]}

    monkeypatch.setattr(captions, "run", run)
    assert toyclip("study", "fast", "--out", tmp_path / "fast.json", "--workers", 1)[0] == 0
    assert toyclip("study", "captions", "--out", tmp_path / "captions.json", "--seeds", 2, "--workers", 3)[0] == 0
    assert asked == [("fast", 20, 1), ("captions", 2, 3)]
    assert json.loads((tmp_path / "captions.json").read_text()) == {"results": ["captions"]}


@pytest.mark.parametrize("name", cli.studies())
def test_study_can_be_sent_to_another_process_and_has_a_fingerprint(name):
    once, seeds = cli.studies()[name]
    assert pickle.loads(pickle.dumps(once)) is once
    assert provenance.fingerprint(once.__module__.removeprefix("toyclip."))
    assert seeds >= 3


def test_help_names_every_command(toyclip):
    code, out, _ = toyclip("--help")
    assert code == 0
    assert all(command in out for command in ("train", "classify", "eval", "study", "frequency", "bench"))


# --- frequency -------------------------------------------------------------------------------------------------------


@pytest.fixture
def completed(monkeypatch) -> list[tuple]:
    """`frequency` does nothing, but writes a line and answers 1 for every run; what was asked for."""
    asked = []

    def complete(runs, folder, workers, on_result):
        asked.append((runs, folder, workers))
        on_result(0, len(runs))
        (folder / resume.LINES).write_text("new")
        on_result(len(runs), len(runs))
        return {run.key: {"code": "c", "machine": {"cores": 2}, "result": {"seed": run.seed}} for run in runs}

    monkeypatch.setattr(resume, "complete", complete)
    return asked


def test_frequency_makes_its_folder_and_prints_the_tables_it_wrote(completed, toyclip, tmp_path):
    code, out, _ = toyclip("frequency", "--out", tmp_path / "made", "--seeds", 3, "--workers", 2)
    assert code == 0
    assert completed == [(plan.plan(3), tmp_path / "made", 2)]
    parts = ["conditions", "counting", "priming", "composition", "models"]
    names = [f"frequency_{part}.json" for part in parts]
    assert {path.name for path in (tmp_path / "made").iterdir()} == {resume.LINES, *names}
    for line, name in zip(out.splitlines(), names, strict=True):
        path = tmp_path / "made" / name
        assert line == f"{path}: {path.stat().st_size / 1000:.0f} kB"
        table = json.loads(path.read_text())
        assert table["command"] == "python -m toyclip frequency --out DIR --seeds 3"
        assert table["seeds"] == ([0, 1] if "models" in name else [0, 1, 2])
        for results in table["results"].values():
            assert results == [{"seed": seed} for seed in table["seeds"]]


def test_frequency_takes_eight_seeds_unless_told_otherwise(completed, toyclip, tmp_path):
    assert toyclip("frequency", "--out", tmp_path)[0] == 0  # a folder that is there, and empty
    assert completed[0][0] == plan.plan(8)


def test_frequency_goes_on_only_when_told_to(completed, toyclip, tmp_path):
    (tmp_path / resume.LINES).write_text("old")
    code, out, err = toyclip("frequency", "--out", tmp_path, "--seeds", 2)
    assert (code, out, completed) == (2, "", [])
    assert err.startswith("toyclip: ")
    assert "--resume" in err
    assert len(err.splitlines()) == 1
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {resume.LINES: "old"}
    assert toyclip("frequency", "--out", tmp_path, "--seeds", 2, "--resume")[0] == 0
    assert completed == [(plan.plan(2), tmp_path, os.cpu_count())]


def test_frequency_goes_on_from_nothing_as_from_the_start(completed, toyclip, tmp_path):
    assert toyclip("frequency", "--out", tmp_path / "new", "--seeds", 2, "--resume")[0] == 0
    assert len(completed) == 1


@pytest.mark.parametrize("place", ["file", "file/inside", "none/inside"])
def test_frequency_refuses_a_place_that_can_be_no_folder(place, completed, toyclip, tmp_path):
    (tmp_path / "file").write_text("old")
    code, out, err = toyclip("frequency", "--out", tmp_path / place, "--resume")
    assert (code, out, completed) == (2, "", [])
    assert err.startswith("toyclip: cannot write ")
    assert len(err.splitlines()) == 1
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


@pytest.mark.parametrize("wrong", [("--seeds", 1), ("--seeds", 0), ("--seeds", "two"), ("--workers", 0), ()])
def test_frequency_with_wrong_usage_makes_no_folder(wrong, completed, toyclip, tmp_path):
    out = ("--out", tmp_path / "new") if wrong else ()
    code, printed, err = toyclip("frequency", *out, *wrong)
    assert (code, printed, completed) == (2, "", [])
    assert len(err.splitlines()) == 1
    assert str((*wrong, "--out")[0]) in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [InputError("line 1 is no result"), LossNotFiniteError("the loss is nan")])
def test_frequency_that_fails_writes_no_table(error, completed, toyclip, tmp_path, monkeypatch):
    def complete(runs, folder, workers, on_result):
        raise error

    monkeypatch.setattr(resume, "complete", complete)
    code, out, err = toyclip("frequency", "--out", tmp_path, "--seeds", 2)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"toyclip: {error}"
    assert not list(tmp_path.iterdir())


# --- bench -----------------------------------------------------------------------------------------------------------

BENCH = {
    "seconds": {"reference": [75.3, 80.0], "fast": [2.0, 2.51]},
    "ratios": [37.65, 31.87],
    "ratio_median": 34.76,
    "accuracies": {"reference": [1.0, 0.9979], "fast": [0.9958, 1.0]},
    "evaluation": {"reference": [4.0, 6.0], "fast": [0.2, 0.3]},
    "drawing": [0.5, 0.9],
    "machine": {"processor": "Slow 486", "cores": 2, "torch": "2.13.0"},
    "threads": 1,
}


@pytest.fixture
def benched(monkeypatch) -> list[int]:
    """`bench` does not train, but answers BENCH; how many pairs were asked for."""
    asked = []

    def bench(pairs, on_run):
        asked.append(pairs)
        for name in ("reference", "fast") * pairs:
            on_run(name, 1.0)
        return BENCH

    monkeypatch.setattr(speedrun, "bench", bench)
    return asked


def test_bench_prints_every_pair_the_median_what_is_left_out_and_the_machine(benched, toyclip, tmp_path):
    code, out, _ = toyclip("bench", "--pairs", 2)
    assert (code, benched) == (0, [2])
    head, first, second, median, apart, machine = out.splitlines()
    assert head.split() == ["seed", "reference", "fast", "ratio", "accuracy:", "reference,", "fast"]
    assert first.split() == ["0", "75.3", "s", "2.00", "s", "37.6", "100.00%,", "99.58%"]
    assert second.split() == ["1", "80.0", "s", "2.51", "s", "31.9", "99.79%,", "100.00%"]
    assert median == "fast is 34.8 times as fast (median; 31.9 to 37.6, 2 pairs)"
    assert apart.startswith("not in these times: drawing, 0.7 s a world; evaluating, all epochs of a run, ")
    assert apart.endswith(" 5.00 s (reference), 0.25 s (fast)")  # the mean of a run
    assert machine == "Slow 486, 1 thread of 2; torch 2.13.0"
    assert not list(tmp_path.iterdir())


def test_bench_writes_its_result(benched, toyclip, tmp_path):
    code, out, _ = toyclip("bench", "--pairs", 2, "--json", tmp_path / "bench.json")
    assert code == 0
    assert json.loads((tmp_path / "bench.json").read_text()) == BENCH
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]
    assert out == toyclip("bench", "--pairs", 2)[1]


def test_bench_compares_five_pairs_unless_told_otherwise(toyclip, monkeypatch):
    asked = []
    five = BENCH | {key: {name: [1.0] * 5 for name in BENCH[key]} for key in ("seconds", "accuracies")}
    monkeypatch.setattr(speedrun, "bench", lambda pairs, on_run: asked.append(pairs) or five | {"ratios": [1.0] * 5})
    code, out, _ = toyclip("bench")
    assert (code, asked) == (0, [5])
    assert [line.split()[0] for line in out.splitlines()[1:6]] == ["0", "1", "2", "3", "4"]


def test_small_bench_from_end_to_end(toyclip, tmp_path, monkeypatch):
    """48 pictures to train on, 16 held out, one epoch against two."""
    quick = replace(recipes.RECIPES["fast"], epochs=1, batch_size=24)
    monkeypatch.setattr(speedrun, "RUNGS", (Rung("long", replace(quick, epochs=2)), Rung("short", quick)))
    monkeypatch.setattr(speedrun, "world", lambda seed: data.split(data.draw_pairs(4, seed), seed))
    code, out, _ = toyclip("bench", "--pairs", 1, "--json", tmp_path / "bench.json")
    assert code == 0
    stored = json.loads((tmp_path / "bench.json").read_text())
    assert stored["ratios"] == [stored["ratio_median"]]
    assert stored["ratio_median"] == stored["seconds"]["reference"][0] / stored["seconds"]["fast"][0]
    lines = out.splitlines()
    assert lines[1].split()[5] == f"{stored['ratio_median']:.1f}"
    assert lines[-1].startswith(provenance.machine()["processor"])


def test_bench_that_could_not_be_written_is_not_begun(benched, toyclip, tmp_path):
    code, out, err = toyclip("bench", "--json", tmp_path / "none" / "bench.json")
    assert (code, out, benched) == (2, "", [])
    assert len(err.splitlines()) == 1
    assert err.startswith("toyclip: cannot write ")


@pytest.mark.parametrize("pairs", [0, -1, "two"])
def test_bench_of_no_pairs_is_wrong_usage(pairs, benched, toyclip, tmp_path):
    code, out, err = toyclip("bench", "--pairs", pairs, "--json", tmp_path / "bench.json")
    assert (code, out, benched) == (2, "", [])
    assert len(err.splitlines()) == 1
    assert "--pairs" in err
    assert not list(tmp_path.iterdir())


def test_bench_that_fails_leaves_the_old_result_as_it_was(toyclip, tmp_path, monkeypatch):
    def bench(pairs, on_run):
        raise LossNotFiniteError("the loss is nan in epoch 1; lower the learning rate")

    monkeypatch.setattr(speedrun, "bench", bench)
    (tmp_path / "bench.json").write_text("old")
    code, out, err = toyclip("bench", "--json", tmp_path / "bench.json")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "toyclip: the loss is nan in epoch 1; lower the learning rate"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"bench.json": "old"}


# --- bad input -------------------------------------------------------------------------------------------------------

CIRCLE = "{files}/circle.png"
BAD = {
    "unknown word": (("classify", CIRCLE, "a purple circle"), ["'purple'", "did you mean", "yellow", "cross"]),
    "empty caption": (("classify", CIRCLE, "a red circle", ""), ["empty"]),
    "long caption": (("classify", CIRCLE, "a red red red circle"), ["at most 4"]),
    "missing picture": (("classify", "{files}/no.png", "red"), ["there is no file", "no.png"]),
    "text as picture": (("classify", "{files}/text.png", "red"), ["cannot read", "text.png"]),
    "half a picture": (("classify", "{files}/half.png", "red"), ["cannot read", "half.png"]),
    "folder as picture": (("classify", "{files}", "red"), ["cannot read"]),
    "missing model": (("classify", CIRCLE, "red", "--model", "{files}/no"), ["there is no file"]),
    "half a model": (("classify", CIRCLE, "red", "--json", "--model", "{files}/half.safetensors"), ["no whole"]),
    "picture as model": (("eval", "--model", CIRCLE), ["no whole toyclip model"]),
    "no epochs": (("train", "--epochs", "0", "--out", "{out}/m"), ["epochs=0", "at least 1"]),
    "unknown recipe": (("train", "--recipe", "slow", "--out", "{out}/m"), ["'slow'", "reference, fast"]),
    "unknown device": (("train", "--device", "tpu", "--out", "{out}/m"), ["device 'tpu'", "cpu"]),
    "no such folder": (("train", "--epochs", "1", "--out", "{out}/none/m"), ["cannot write"]),
    "history in no folder": (("train", "--out", "{out}/m", "--json", "{out}/none/h"), ["cannot write"]),
    "unknown study": (("study", "dreams", "--out", "{out}/s.json"), ["'dreams'", ", ".join(cli.studies())]),
    "unknown study, seeds": (("study", "dreams", "--seeds", "1", "--out", "{out}/s.json"), ["'dreams'"]),
    "study in no folder": (("study", "fast", "--out", "{out}/none/s.json"), ["cannot write"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line_and_leaves_no_file(name, toyclip, folder, tmp_path):
    arguments, told = BAD[name]
    code, out, err = toyclip(*(argument.format(files=folder, out=tmp_path) for argument in arguments))
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("toyclip: ")
    assert all(part in err for part in told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("recipe", [{"lr": 1e30}, {"batch_size": 1000}])
def test_run_that_fails_leaves_no_file_and_the_old_one_as_it_was(recipe, small_world, toyclip, tmp_path, monkeypatch):
    (tmp_path / "old").write_text("old")
    monkeypatch.setitem(recipes.RECIPES, "fast", replace(recipes.RECIPES["fast"], **recipe))
    code, out, err = toyclip("train", "--recipe", "fast", "--out", tmp_path / "old", "--json", tmp_path / "new")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("toyclip: ")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"old": "old"}


USAGE = [("train", "--epochs", "two"), ("train", "--seed", "-1"), ("classify",), ("classify", "circle.png"),
         ("train", "--depth", "4"), ("draw",), ("study", "fast", "--out", "s.json", "--workers", "0"),
         ("bench", "--pairs", "0"), ("bench", "out.json")]  # fmt: skip


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_command_that_makes_no_sense_ends_with_code_2(arguments, toyclip):
    code, out, err = toyclip(*arguments)
    assert (code, out) == (2, "")
    assert err


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_command_that_makes_no_sense_gets_one_line(arguments, toyclip):
    """It ends with where to read on: the help of the command, if there is one of this name."""
    told = toyclip(*arguments)[2]
    assert len(told.splitlines()) == 1
    command = "" if arguments[0] == "draw" else f"{arguments[0]} "
    assert told.endswith(f" See 'toyclip {command}--help'.\n")


@pytest.mark.parametrize("arguments", [("--device", "meta"), ("--seed", str(2**64))], ids=" ".join)
def test_device_without_memory_and_seed_beyond_64_bits_are_refused(arguments, small_world, toyclip):
    assert toyclip("train", "--recipe", "fast", "--epochs", "1", *arguments)[0] == 2


def test_model_with_nan_inside_is_refused(folder, toyclip, tmp_path):
    model = ToyCLIP().requires_grad_(False)
    model.text_encoder.projection.bias[0] = torch.nan
    checkpoint.save(model, data.Tokenizer(), tmp_path / "nan.safetensors")
    arguments = ("classify", folder / "circle.png", "red", "--json", "--model", tmp_path / "nan.safetensors")
    assert toyclip(*arguments)[0] == 2
